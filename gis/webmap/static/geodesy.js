/* Lengths and areas on the ellipsoid of CGCS2000, and its Gauss-Kruger grid at 117 E (EPSG:4548). */
(function () {
  "use strict";
  const A_M = 6378137, F = 1 / 298.257222101, MERIDIAN = 117, FALSE_EASTING_M = 500000;
  const E2 = F * (2 - F), E = Math.sqrt(E2), N = F / (2 - F);
  // Krüger's series to the fourth power of n: exact to less than 0.001 mm in the zone.
  const RADIUS_M = (A_M / (1 + N)) * (1 + N ** 2 / 4 + N ** 4 / 64);
  const ALPHA = [
    N / 2 - (2 / 3) * N ** 2 + (5 / 16) * N ** 3 + (41 / 180) * N ** 4,
    (13 / 48) * N ** 2 - (3 / 5) * N ** 3 + (557 / 1440) * N ** 4,
    (61 / 240) * N ** 3 - (103 / 140) * N ** 4,
    (49561 / 161280) * N ** 4,
  ];
  const radians = (degrees) => (degrees * Math.PI) / 180;

  function toGrid({ lng, lat }) {
    const sine = Math.sin(radians(lat)), turn = radians(lng - MERIDIAN);
    const t = Math.sinh(Math.atanh(sine) - E * Math.atanh(E * sine));
    const xi = Math.atan2(t, Math.cos(turn)), eta = Math.atanh(Math.sin(turn) / Math.hypot(1, t));
    let north = xi, east = eta;
    ALPHA.forEach((factor, place) => {
      const k = 2 * (place + 1);
      north += factor * Math.sin(k * xi) * Math.cosh(k * eta);
      east += factor * Math.cos(k * xi) * Math.sinh(k * eta);
    });
    return { east: FALSE_EASTING_M + RADIUS_M * east, north: RADIUS_M * north };
  }

  /* How much longer a line is on the grid than on the ground. */
  function scale(east, lat) {
    const root = 1 - E2 * Math.sin(radians(lat)) ** 2;
    const squared = (east - FALSE_EASTING_M) ** 2 / ((A_M ** 2 * (1 - E2)) / root ** 2);
    return 1 + squared / 2 + squared ** 2 / 24;
  }

  function distance(from, to) {
    const a = toGrid(from), b = toGrid(to);
    const lat = (from.lat + to.lat) / 2;
    const mean = (scale(a.east, from.lat) + 4 * scale((a.east + b.east) / 2, lat) + scale(b.east, to.lat)) / 6;
    return Math.hypot(a.east - b.east, a.north - b.north) / mean;
  }

  OneMap.geodesy = {
    toGrid,

    distance,

    /* The length of a line in m. */
    lengthOf: (points) => points.slice(1).reduce((sum, point, place) => sum + distance(points[place], point), 0),

    /* The area of a ring in m2; the last point need not be the first again. */
    areaOf(points) {
      if (points.length < 3) return 0;
      const at = points.map(toGrid);
      const twice = at.reduce((sum, p, place) => {
        const q = at[(place + 1) % at.length];
        return sum + (p.east - at[0].east) * (q.north - at[0].north) - (q.east - at[0].east) * (p.north - at[0].north);
      }, 0);
      const mean = (key) => points.reduce((sum, p, place) => sum + (key === "lat" ? p.lat : at[place].east), 0) / points.length;
      return Math.abs(twice) / 2 / scale(mean("east"), mean("lat")) ** 2;
    },
  };
})();
