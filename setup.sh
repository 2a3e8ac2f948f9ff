# Set-up shared by serve.sh and test.sh, which source it from the project's folder.
# Installs what is missing and only that; asks nothing; may be run again.

umask 022
export LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_INPUT=1
unset PYTHONPATH PYTHONHOME PYTHONDONTWRITEBYTECODE VIRTUAL_ENV

say() { printf '\n==> %s\n' "$*"; }
fail() { printf 'error: %s\n' "$*" >&2; exit 1; }

# Ctrl-C ends the set-up even where a program answers it with an error of its own.
trap 'exit 130' INT

# pip and npm keep a cache in the home folder; without a usable one they get the project's own.
if [ ! -w "${HOME:-/nonexistent}" ]; then
  export HOME="$PWD/.venv/home"
fi

find_python() {
  local name
  for name in python3.11 python3 python3.12 python3.13; do
    if "$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
      command -v "$name"
      return
    fi
  done
  return 1
}

has_postgis() {
  local extension
  for extension in /usr/share/postgresql/*/extension/postgis.control; do
    [ -f "$extension" ] && [ -x "/usr/lib/postgresql/$(basename "$(dirname "$(dirname "$extension")")")/bin/postgres" ] && return
  done
  return 1
}

as_root() {
  if [ "$(id -u)" -eq 0 ]; then
    "$@"
  else
    sudo env DEBIAN_FRONTEND=noninteractive "$@"
  fi
}

# apt_install PACKAGE...: PostGIS is among them at times, the rest is installed beside it.
apt_install() {
  local hint="install by hand with: apt-get install $*"
  command -v apt-get >/dev/null || fail "system packages are missing and this system has no apt-get; their Debian names are: $*"
  if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null || fail "system packages are missing and there is no sudo; as root, $hint"
    sudo -n true 2>/dev/null || [ -t 0 ] || fail "system packages are missing and sudo wants a password; $hint"
  fi
  say "System packages: installing $*"
  as_root apt-get -q -o DPkg::Lock::Timeout=300 update </dev/null || fail "the package lists could not be fetched; check the network, or $hint"
  (
    trap 'exit 130' INT TERM HUP
    case " $* " in *-postgis-*) without_main_cluster ;; esac
    apt_get_install "$@"
  ) || fail "apt-get could not install the packages; check the network, or $hint"
}

# A second attempt finishes first what an earlier installation left half done: apt-get refuses to work otherwise.
apt_get_install() {
  local command=(as_root apt-get -q -y -o DPkg::Lock::Timeout=300 install --no-install-recommends "$@")
  "${command[@]}" </dev/null || { as_root dpkg --configure -a </dev/null && "${command[@]}" </dev/null; }
}

# Debian's package would set up and start a database service of its own: OneMap needs only the programs.
# To be called in a subshell, which takes the line away again however it ends.
without_main_cluster() {
  local conf=/etc/postgresql-common/createcluster.conf
  [ -f "$conf" ] || apt_get_install postgresql-common || exit 1
  trap "as_root sed -i '/# OneMap set-up\$/d' $conf" EXIT
  echo 'create_main_cluster = false  # OneMap set-up' | as_root tee -a "$conf" >/dev/null
}

# ensure_system [PACKAGE:TEST ...]: PostGIS and venv always; each further package if its test fails.
ensure_system() {
  local missing=() pair
  PYTHON=$(find_python) || fail "Python 3.11 or newer is missing; install it with: apt-get install python3"
  if [ -z "${ONEMAP_DATABASE_URL:-}" ] && ! has_postgis; then
    missing+=(postgresql-15-postgis-3)
  fi
  if [ ! -x .venv/bin/python ]; then
    "$PYTHON" -c 'import ensurepip, venv' 2>/dev/null || missing+=(python3-venv)
  fi
  for pair in "$@"; do
    bash -c "${pair#*:}" >/dev/null 2>&1 || missing+=("${pair%%:*}")
  done
  if [ "${#missing[@]}" -gt 0 ]; then
    apt_install "${missing[@]}"
  fi
}

# done_before NAME FILE...: whether step NAME was finished with these very files.
stamp_of() { cat "${@:2}" | sha256sum | cut -d' ' -f1; }
done_before() { [ "$(cat ".venv/.done-$1" 2>/dev/null)" = "$(stamp_of "$@")" ]; }
mark_done() { stamp_of "$@" >".venv/.done-$1"; }

# ensure_python LOCK: the virtual environment with the packages of LOCK and OneMap itself.
ensure_python() {
  local lock=$1
  if ! .venv/bin/python -c 'import pip' 2>/dev/null; then
    say "Python: making the virtual environment .venv with $PYTHON"
    "$PYTHON" -m venv --clear .venv || fail "the virtual environment could not be made; install it with: apt-get install python3-venv"
  fi
  mkdir -p .venv/home
  if ! done_before "$lock" "$lock"; then
    say "Python: installing the packages of $lock ($(grep -c == "$lock") packages)"
    # The lock is complete; --no-deps, because pyproject.toml leaves out some that a test tool names and does not use.
    .venv/bin/python -m pip install --require-hashes --no-deps -r "$lock" \
      || fail "the Python packages could not be installed; check the network to the package index and start again"
    mark_done "$lock" "$lock"
  fi
  if ! done_before project pyproject.toml || [ ! -x .venv/bin/onemap ]; then
    say "Python: installing OneMap itself"
    .venv/bin/python -m pip install -q --no-deps --no-build-isolation -e . || fail "OneMap itself could not be installed; see the lines above"
    mark_done project pyproject.toml
  fi
}

# The compiled loops: half a minute once, which no user should wait for.
ensure_kernels() {
  local sources
  mapfile -t sources < <(find gis -name '*.py' | sort)
  if done_before kernels requirements.lock "${sources[@]}"; then
    return
  fi
  say "Kernels: compiling the loops of facts, models and rules"
  .venv/bin/python -m gis.warm || fail "the loops could not be compiled; see the lines above"
  mark_done kernels requirements.lock "${sources[@]}"
}

# The map's JavaScript by lock file; Node is needed for this step only, never at run time.
ensure_assets() {
  local lock=gis/webmap/package-lock.json
  if done_before assets "$lock" gis/webmap/vendor.py && [ -n "$(ls -A gis/webmap/assets 2>/dev/null)" ]; then
    return
  fi
  if ! command -v npm >/dev/null && [ ! -x .venv/bin/npm ]; then
    say "Map: this machine has no npm; installing Node into .venv"
    .venv/bin/python -m pip install --require-hashes -r requirements-node.lock \
      || fail "Node could not be installed; install it by hand with: apt-get install npm"
  fi
  say "Map: installing its JavaScript"
  PATH="$PATH:$PWD/.venv/bin" .venv/bin/python -c '
import sys
try:
    from gis.webmap.vendor import main
    sys.exit(main())
except KeyboardInterrupt:
    sys.exit(130)' \
    || fail "the map's JavaScript could not be installed; check the network to the npm registry and start again"
  mark_done assets "$lock" gis/webmap/vendor.py
}
