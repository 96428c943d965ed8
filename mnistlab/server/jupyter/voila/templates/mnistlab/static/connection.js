// Tells the visitor when the page cannot reach its kernel. Otherwise buttons would just stop working.
// Where another server, or the same one started anew, answers in its place, the page begins again
// there by itself, and `page.js` brings back what was on it.
(() => {
  const NativeSocket = window.WebSocket;
  const PATIENCE = 2500; // milliseconds in which a lost socket may reconnect without a notice
  const QUICK = 250; // until the page looks whether another server answers
  const AGAIN = 1000; // until it asks again for a server that takes it
  const SILENCE = 60000; // in which a page that is connected and not drawn yet gets nothing more
  const MOVED = "mnistlab-moved"; // how often this page has begun again without success
  const MOST_MOVES = 3;
  const instance = document.querySelector("meta[name=mnistlab-instance]").content;
  const kernel = new URL(document.querySelector("meta[name=mnistlab-kernel]").content, location.href);
  const base = new URL("../..", kernel);
  let socket = null; // the kernel's
  let presence = null; // the server's
  let lost = false; // the kernel's socket, after it was open
  let ended = false;
  let leaving = false;
  let moving = false;
  let timer = 0;
  let drawn = 0;
  addEventListener("pagehide", () => { leaving = true; });
  addEventListener("pageshow", () => { leaving = false; });

  function bar() {
    let found = document.querySelector(".ml-connection");
    if (!found) {
      found = document.createElement("div");
      found.className = "ml-connection";
      found.setAttribute("role", "alert");
      found.append(document.createElement("span"), document.createElement("button"));
      document.body.append(found);
    }
    return found;
  }

  /** Show a text with a button: by default the one that reloads the page; none for null. */
  function say(text, label = "Reload", act = () => location.reload()) {
    if (!document.body) {
      setTimeout(say, PATIENCE, text, label, act);
      return;
    }
    const found = bar();
    found.firstChild.textContent = text;
    found.lastChild.textContent = label;
    found.lastChild.hidden = label === null;
    found.lastChild.onclick = act;
    found.hidden = false;
  }

  /** How often the page has begun again; null where the browser keeps nothing, not even that. */
  function moves() {
    try {
      return Number(sessionStorage.getItem(MOVED)) || 0;
    } catch {
      return null;
    }
  }

  function countMoves(count) {
    try {
      sessionStorage.setItem(MOVED, count);
      return true;
    } catch {
      return false;
    }
  }

  /** Begin again on whichever server takes the page; `text` says why. */
  async function move(text) {
    if (moving) return;
    moving = true;
    window.mnistlabSession.end(); // leaving asks nothing then
    const before = moves();
    // What is not counted might never end.
    if (before === null || before >= MOST_MOVES || !countMoves(before + 1)) {
      say(`${text} Reload to begin again.`);
      return;
    }
    say(`${text} Waiting for a server …`, null);
    // A full server is ready to send the page elsewhere, or to say that it is full.
    const ready = new URL("readyz?full=ready", base);
    while (!leaving) {
      try {
        if ((await fetch(ready, { cache: "no-store" })).ok) break;
      } catch {
        // No server, and no proxy before it.
      }
      await new Promise((resolve) => { setTimeout(resolve, AGAIN * (0.5 + Math.random())); });
    }
    if (!leaving) location.reload();
  }

  function hear(facts) {
    if (facts.moving) move("This server restarts.");
    else if (facts.staying) hide();
    else if (facts.ending !== undefined) {
      say("Your session is about to end, because nothing has happened in it for a while.", "Stay",
        () => window.mnistlabStay?.());
    }
    else if (facts.draining !== undefined) {
      const minutes = Math.max(1, Math.round(facts.draining / 60));
      const when = minutes > 1 ? `in ${minutes} minutes` : "within a minute";
      const isShared = document.querySelector(".ml-app.ml-shared") !== null;
      const lost = isShared ? "trainings, runs and My digits do not" : "trainings do not";
      say(`This server restarts ${when}. Your drawing, tab and settings move to another one by`
        + ` themselves; ${lost}.`, "OK", () => { bar().hidden = true; });
      window.mnistlabLeave?.(bar());
    }
  }

  /** Begin again if the page stays empty though its kernel is there; a slow network has its time. */
  function watchDrawing() {
    clearTimeout(drawn);
    if (!document.getElementById("loading")) return;
    drawn = setTimeout(() => {
      if (document.getElementById("loading")) move("The page has not opened.");
    }, SILENCE);
  }

  function hide() {
    if (moving) return;
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
    presence.addEventListener("message", (event) => hear(JSON.parse(event.data)));
    presence.addEventListener("close", check);
  }

  function check() {
    clearTimeout(timer);
    timer = setTimeout(look, QUICK);
  }

  /** Ask whether the kernel is gone, and who says so: the server that had it, or another one. */
  async function ask() {
    try {
      const answer = await fetch(kernel, { cache: "no-store" });
      const other = answer.headers.get("Mnistlab-Instance"); // null: a proxy answers by itself
      if (other !== null && other !== instance) move("The connection to the server was lost.");
      else ended = other !== null && answer.status === 404;
    } catch {
      // The server cannot be reached.
    }
  }

  async function look() {
    if (!leaving && !ended && !isOpen(presence)) await ask();
    if (!moving) timer = setTimeout(explain, ended ? 0 : PATIENCE);
  }

  async function explain() {
    if (leaving || moving) return;
    if (!ended && !isOpen(presence)) {
      await ask();
      if (leaving || moving) return;
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
        watchDrawing();
      });
      this.addEventListener("message", watchDrawing);
      this.addEventListener("close", () => {
        lost = true;
        check();
      });
    }
  };

  /** The page is drawn: show that it has moved, if it has. */
  window.mnistlabDrawn = () => {
    clearTimeout(drawn);
    if (!moves()) return;
    countMoves(0);
    say("Your page has begun again. What you had entered is back; trainings are not.",
      "OK", () => { bar().hidden = true; });
  };

  new PerformanceObserver(watchDrawing).observe({ type: "resource" });
  connectPresence();
})();
