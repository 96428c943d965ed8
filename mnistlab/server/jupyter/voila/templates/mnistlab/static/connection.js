// Tells the visitor when the page cannot reach its kernel. Otherwise buttons would just stop working.
(() => {
  const NativeSocket = window.WebSocket;
  const PATIENCE = 2500; // milliseconds in which a lost socket may reconnect without a notice
  const kernel = new URL(document.querySelector("meta[name=mnistlab-kernel]").content, location.href);
  let socket = null; // the kernel's
  let presence = null; // the server's
  let lost = false; // the kernel's socket, after it was open
  let ended = false;
  let leaving = false;
  let timer = 0;
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
    if (!document.body) {
      setTimeout(say, PATIENCE, text);
      return;
    }
    const found = bar();
    found.firstChild.textContent = text;
    found.hidden = false;
  }

  function hide() {
    window.mnistlabSession.connect();
    const shown = document.querySelector(".ml-connection");
    if (shown) shown.hidden = true;
  }

  function isOpen(any) {
    return any !== null && any.readyState === NativeSocket.OPEN;
  }

  // This socket tells the server that the page is open, even while it loads, and while the kernel's
  // socket is lost or busy with megabytes.
  function connectPresence() {
    presence = new NativeSocket(`${kernel.href.replace(/^http/, "ws")}/presence`);
    presence.addEventListener("open", () => { if (!lost) hide(); });
    presence.addEventListener("close", check);
  }

  function check() {
    clearTimeout(timer);
    timer = setTimeout(explain, PATIENCE);
  }

  async function explain() {
    if (leaving || ended) return;
    if (!isOpen(presence)) {
      try {
        ended = (await fetch(kernel)).status === 404;
      } catch {
        // The server cannot be reached.
      }
      if (leaving) return;
      if (!ended) connectPresence();
    }
    if (ended) {
      say(window.mnistlabSession.end());
      document.getElementById("loading")?.remove();
    } else if (!isOpen(socket) && (lost || !isOpen(presence))) {
      window.mnistlabSession.lose();
      say("Connection lost. Reconnecting … If this takes long, reload the page.");
    }
  }

  window.WebSocket = class extends NativeSocket {
    constructor(url, ...rest) {
      super(url, ...rest);
      if (!new URL(url, location.href).pathname.endsWith("/channels")) return;
      this.addEventListener("open", () => {
        socket = this;
        lost = false;
        hide();
      });
      this.addEventListener("close", () => {
        lost = true;
        check();
      });
    }
  };

  connectPresence();
})();
