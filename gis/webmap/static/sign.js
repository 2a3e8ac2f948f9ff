/* Signing in with a key: who is signed in, the dialog, and what the caller may do. */
(function () {
  "use strict";
  const { el, text } = OneMap;
  let session = { name: "", known: false, reads: "open", rights: [] };

  const form = () => document.getElementById("sign-form");
  const told = () => document.getElementById("sign-error");

  function draw() {
    const button = document.getElementById("sign-open");
    button.textContent = text(session.known ? "sign_out" : "sign_in");
    button.title = session.known ? text("signed_in", { name: session.name }) : "";
    document.getElementById("sign-name").textContent = session.known ? session.name : "";
  }

  async function enter(event) {
    event.preventDefault();
    const key = form().elements.namedItem("key").value.trim();
    if (!key) {
      told().textContent = text("sign_empty");
      return;
    }
    try {
      await OneMap.getJson("/api/session", { key });
      location.reload();
    } catch (error) {
      told().textContent = text("sign_failed");
    }
  }

  async function leave() {
    await fetch("/api/session", { method: "DELETE" });
    location.reload();
  }

  function open() {
    if (session.known) {
      leave();
      return;
    }
    told().textContent = "";
    form().reset();
    document.getElementById("sign-dialog").showModal();
  }

  OneMap.sign = {
    may: (right) => session.rights.includes(right),

    /* What stands in the place of a button that the caller lacks the right for. */
    needed: (words) => el("p", { class: "note needs-key" }, words),

    async start() {
      document.getElementById("sign-open").addEventListener("click", open);
      document.getElementById("sign-close").addEventListener("click", () => document.getElementById("sign-dialog").close());
      form().addEventListener("submit", enter);
      OneMap.onLanguage(draw);
      session = await OneMap.getJson("/api/session");
      draw();
    },
  };
})();
