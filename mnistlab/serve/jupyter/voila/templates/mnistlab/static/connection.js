// Says when the page can no longer reach its kernel: without this, buttons just stop working.
(() => {
  const NativeSocket = window.WebSocket;
  const PATIENCE = 2500; // milliseconds in which a lost socket may come back unnoticed
  let socket = null;
  let leaving = false;
  addEventListener("pagehide", () => { leaving = true; });
  addEventListener("pageshow", () => { leaving = false; });

  function bar() {
    let found = document.querySelector(".ml-connection");
    if (!found) {
      found = document.createElement("div");
      found.className = "ml-connection";
      found.setAttribute("role", "alert");
      found.append(document.createElement("span"), document.createElement("button"));
      found.lastChild.textContent = "Reload";
      found.lastChild.addEventListener("click", () => location.reload());
      document.body.append(found);
    }
    return found;
  }

  function say(text) {
    const found = bar();
    found.firstChild.textContent = text;
    found.hidden = !text;
  }

  async function explain(kernel) {
    if (leaving || (socket && socket.readyState === NativeSocket.OPEN)) return;
    let ended = false;
    try {
      ended = (await fetch(kernel)).status === 404;
    } catch {
      // The server itself cannot be reached.
    }
    if (leaving) return;
    if (ended) {
      say("This visit has ended, and what was drawn and trained in it with it. Reload to start anew.");
    } else {
      say("The connection to the lab is lost; trying again. If this stays, reload.");
      setTimeout(explain, PATIENCE, kernel);
    }
  }

  window.WebSocket = class extends NativeSocket {
    constructor(url, ...rest) {
      super(url, ...rest);
      const at = new URL(url, location.href);
      if (!at.pathname.endsWith("/channels")) return;
      const kernel = at.pathname.slice(0, -"/channels".length);
      this.addEventListener("open", () => {
        socket = this;
        const shown = document.querySelector(".ml-connection");
        if (shown) shown.hidden = true;
      });
      this.addEventListener("close", () => setTimeout(explain, PATIENCE, kernel));
    }
  };
})();
