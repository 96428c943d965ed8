// Links to tabs (#explore), the browser's Back, and what a reload brings back. The kernel says what
// to remember in `.ml-remembered`; what the page tells it goes through the input of `.ml-recall`.
(() => {
  const TABS = ["explore", "compare", "predict"];
  const KEY = "mnistlab";

  const bar = () => document.querySelector(".ml-tabs > .lm-TabBar");

  function tell(message) {
    const input = document.querySelector(".ml-recall input");
    input.value = JSON.stringify(message);
    input.dispatchEvent(new Event("input", { bubbles: true }));
    input.dispatchEvent(new Event("change", { bubbles: true }));
  }

  function tabInFront() {
    return TABS[[...bar().querySelectorAll(".lm-TabBar-tab")]
      .findIndex((tab) => tab.classList.contains("lm-mod-current"))];
  }

  function tabOfAddress() {
    const name = location.hash.slice(1);
    return TABS.includes(name) ? name : null;
  }

  function store() {
    const text = document.querySelector(".ml-remembered [data-memory]")?.dataset.memory;
    try {
      if (text) sessionStorage.setItem(KEY, text);
    } catch {
      // The browser keeps nothing for this page, or has no room: a reload begins anew.
    }
  }

  function stored() {
    try {
      return JSON.parse(sessionStorage.getItem(KEY)) ?? {};
    } catch {
      return {};
    }
  }

  function watch(node, verb) {
    new MutationObserver(verb).observe(node, {
      subtree: true, childList: true, attributes: true, attributeFilter: ["class", "data-memory"],
    });
  }

  function set(element, name, value) {
    if (element.getAttribute(name) !== value) element.setAttribute(name, value);
  }

  // What ipywidgets and ipycanvas leave without a role, a name or a state for screen readers.
  function nameControls() {
    document.getElementById("rendered_cells")?.setAttribute("role", "main");
    for (const button of document.querySelectorAll(".ml-app .widget-toggle-button")) {
      const state = String(button.classList.contains("mod-active"));
      const isOneOfSome = button.closest(".widget-toggle-buttons") !== null;
      set(button, isOneOfSome ? "aria-pressed" : "aria-expanded", state);
    }
    for (const field of document.querySelectorAll(".ml-app .ml-field")) {
      const input = field.querySelector("input, select");
      set(input, "aria-invalid", String(field.classList.contains("ml-invalid")));
    }
    for (const input of document.querySelectorAll(".ml-app input[placeholder]:not([aria-label])")) {
      if (!input.labels?.[0]?.textContent) set(input, "aria-label", input.placeholder);
    }
    for (const button of document.querySelectorAll(".ml-app .ml-file[title]")) {
      set(button, "aria-label", button.title);
    }
    for (const handle of document.querySelectorAll(".ml-app .noUi-handle:not([aria-label])")) {
      const label = handle.closest(".jupyter-widgets")?.querySelector(".widget-label");
      if (label?.textContent) handle.setAttribute("aria-label", label.textContent);
    }
    for (const canvas of document.querySelectorAll(".ml-app canvas:not([role])")) {
      const isPad = canvas.closest(".ml-pad") !== null;
      canvas.setAttribute("role", isPad ? "application" : "img");
      canvas.setAttribute("aria-label", isPad
        ? "Drawing pad. Arrow keys move the pen, Space lowers and lifts it, Tab leaves."
        : "Map of the images, for a pointer. The samples list the same images.");
      // It takes no keys, and ipycanvas would keep Tab for itself.
      if (!isPad) canvas.tabIndex = -1;
    }
  }

  // Widgets replace their whole text, and screen readers overlook what comes with its own live
  // region. So two regions stand for good, and say what is new.
  const SILENCE = 600; // milliseconds without a change, so that only the last of many is read
  const said = new Map();
  let speaking = 0;

  function liveRegion(kind) {
    const id = `ml-live-${kind}`;
    const found = document.getElementById(id);
    if (found) return found;
    const made = document.createElement("div");
    Object.assign(made, { id, className: "ml-live-region" });
    made.setAttribute("role", kind);
    document.getElementById("rendered_cells").append(made);
    return made;
  }

  function announce() {
    for (const each of document.querySelectorAll(".ml-app :is([role=status], [role=alert])")) {
      each.dataset.says = each.getAttribute("role");
      each.removeAttribute("role");
      each.removeAttribute("aria-live");
    }
    const fresh = { status: [], alert: [] };
    const now = new Map();
    for (const each of document.querySelectorAll(".ml-app [data-says]")) {
      if (each.offsetParent === null || !each.textContent) continue;
      const key = `${each.closest("[class*=' ml-']")?.className} ${each.textContent}`;
      now.set(key, true);
      if (!said.has(key)) fresh[each.dataset.says].push(each.textContent);
    }
    said.clear();
    for (const key of now.keys()) said.set(key, true);
    clearTimeout(speaking);
    speaking = setTimeout(() => {
      for (const [kind, texts] of Object.entries(fresh)) {
        if (texts.length) liveRegion(kind).textContent = texts.join(" ");
      }
    }, SILENCE);
  }

  // A button that is disabled or hidden by its own click would leave the focus nowhere.
  const STOPS = "button, input, select, summary, canvas, a[href], [tabindex]";
  let pressed = null; // by the keyboard

  addEventListener("keydown", (event) => {
    pressed = event.key === "Enter" || event.key === " " ? event.target : null;
  }, true);
  addEventListener("pointerdown", () => { pressed = null; }, true);

  function keepFocus() {
    if (pressed === null || document.activeElement !== document.body) return;
    if (!pressed.isConnected || (!pressed.disabled && pressed.offsetParent !== null)) return;
    const stops = [...document.querySelectorAll(".ml-app")].flatMap((app) => [
      ...app.querySelectorAll(STOPS)])
      .filter((stop) => stop === pressed
        || (!stop.disabled && stop.tabIndex >= 0 && stop.getClientRects().length));
    const at = stops.indexOf(pressed);
    const beside = stops.filter((stop) => stop !== pressed
      && stop.parentElement === pressed.parentElement);
    (beside[0] ?? stops[at + 1] ?? stops[at - 1])?.focus();
    pressed = null;
  }

  function addTourButton() {
    const header = document.querySelector(".ml-header");
    if (!header || header.querySelector(".ml-tour-start")) return;
    const button = document.createElement("button");
    Object.assign(button, { type: "button", className: "ml-tour-start", textContent: "Tour" });
    button.addEventListener("click", () => {
      window.mnistlabTour.start((tab) => tell({ tab: TABS[tab] }));
    });
    header.append(button);
  }

  // Grids of buttons are one stop of Tab; arrow keys move in them.
  const GRIDS = ".ml-matrix-grid, .ml-tiles-over, .ml-gallery, .ml-plot-area";

  function cellsOf(grid) {
    return [...grid.querySelectorAll("button, .ml-mark")]
      .filter((cell) => !cell.disabled && cell.offsetParent !== null);
  }

  function makeOneStop() {
    for (const grid of document.querySelectorAll(GRIDS)) {
      const cells = cellsOf(grid);
      const stop = cells.find((cell) => cell.tabIndex === 0) ?? cells[0];
      for (const cell of cells) cell.tabIndex = cell === stop ? 0 : -1;
    }
  }

  function nextCell(cells, from, key) {
    const box = from.getBoundingClientRect();
    const isAcross = key === "ArrowLeft" || key === "ArrowRight";
    const sign = key === "ArrowRight" || key === "ArrowDown" ? 1 : -1;
    const ahead = cells
      .map((cell) => [cell, cell.getBoundingClientRect()])
      .map(([cell, at]) => [cell, at.left - box.left, at.top - box.top])
      .filter(([, across, down]) => (isAcross
        ? sign * across > 1 && Math.abs(down) < box.height / 2
        : sign * down > 1))
      .sort(([, a, b], [, c, d]) => (isAcross
        ? Math.abs(a) - Math.abs(c)
        : Math.abs(b) - Math.abs(d) || Math.abs(a) - Math.abs(c)));
    return ahead[0]?.[0];
  }

  addEventListener("keydown", (event) => {
    const grid = event.target.closest?.(GRIDS);
    if (!grid || !event.key.startsWith("Arrow")) return;
    const next = nextCell(cellsOf(grid), event.target, event.key);
    event.preventDefault();
    if (!next) return;
    event.target.tabIndex = -1;
    next.tabIndex = 0;
    next.focus();
  });

  // Ctrl+Z and Ctrl+Y anywhere in Predict, but where one types. On the pad the kernel does it.
  addEventListener("keydown", (event) => {
    if (!(event.ctrlKey || event.metaKey) || event.target.closest?.("input, textarea, .ml-pad")) return;
    const key = event.key.toLowerCase();
    if (key !== "z" && key !== "y") return;
    const name = key === "z" && !event.shiftKey ? "ml-undo" : "ml-redo";
    const button = document.querySelector(`.ml-tab-predict .${name}`);
    if (!button?.offsetParent) return;
    event.preventDefault();
    button.click();
  });

  // Enter in a box that a button beside it opens.
  addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || !event.target.closest?.(".ml-index, .ml-own-path")) return;
    const button = event.target.closest(".ml-tools").querySelector(".ml-open, .ml-own-open");
    event.target.dispatchEvent(new Event("change", { bubbles: true }));
    setTimeout(() => button.click());
  });

  // An explanation closes when the focus moves on.
  addEventListener("focusin", (event) => {
    for (const term of document.querySelectorAll(".ml-term:popover-open")) {
      const isIts = event.target.getAttribute?.("popovertarget") === term.id;
      if (!isIts && !term.contains(event.target)) term.hidePopover();
    }
  });

  // Where what a click brings is not in view, as on a phone, it is brought there.
  function showSoon(name) {
    setTimeout(() => {
      const part = document.querySelector(name);
      const box = part?.getBoundingClientRect();
      if (box?.height && (box.top > innerHeight - 120 || box.bottom < 0)) {
        part.scrollIntoView({ block: "start", behavior: "smooth" });
      }
    }, 400);
  }

  addEventListener("click", (event) => {
    if (event.target.closest?.(".ml-samples .ml-tile")) showSoon(".ml-item");
    if (event.target.closest?.(".ml-train")) showSoon(".ml-live");
  });

  const NARROW = 700; // pixels, see style.css
  let isFolded = innerWidth > NARROW;
  // A phone has no room for all settings at once.
  function foldSettings() {
    const advanced = document.querySelector(".ml-advanced.mod-active");
    if (isFolded || !advanced) return;
    isFolded = true;
    advanced.click();
  }

  let isNaming = false;
  function tidySoon() {
    if (isNaming) return;
    isNaming = true;
    setTimeout(() => {
      isNaming = false;
      nameControls();
      addTourButton();
      makeOneStop();
      announce();
      keepFocus();
      foldSettings();
    }, 200);
  }

  // Any answer of the kernel shows that somebody is here.
  window.mnistlabStay = () => tell({ stay: true });

  // A visit that ends takes the drawings of My digits with it: the bar offers them.
  window.mnistlabLeave = (bar) => {
    const holder = document.querySelector(".ml-leaving");
    if (!holder) return;
    new MutationObserver((_, observer) => {
      const link = holder.querySelector("a");
      if (!link) return;
      observer.disconnect();
      bar.querySelector("a")?.remove();
      bar.insertBefore(link.cloneNode(true), bar.lastChild);
    }).observe(holder, { subtree: true, childList: true });
    tell({ leaving: true });
  };

  function start() {
    window.mnistlabDrawn();
    tidySoon();
    new MutationObserver(tidySoon).observe(document.querySelector(".ml-app"), {
      subtree: true, childList: true, attributes: true, attributeFilter: ["class", "disabled", "style"],
    });
    const first = tabInFront();
    const memory = stored();
    if (window.mnistlabDrewEarly) delete memory.pad; // what was drawn since is on the pad
    if (Object.keys(memory).length) tell({ memory });
    if (tabOfAddress() && tabOfAddress() !== first) tell({ tab: tabOfAddress() });
    let front = first;
    watch(bar(), () => {
      const name = tabInFront();
      if (name && name !== front) {
        front = name;
        document.getElementById("rendered_cells").scrollTop = 0;
      }
      if (name && name !== (tabOfAddress() ?? first)) history.pushState(null, "", `#${name}`);
    });
    addEventListener("popstate", () => tell({ tab: tabOfAddress() ?? first }));
    watch(document.querySelector(".ml-remembered"), store);
  }

  const waiting = new MutationObserver(() => {
    if (!bar() || !document.querySelector(".ml-recall input")
      || !document.querySelector(".ml-pad canvas, .ml-explore, .ml-train-row")) return;
    waiting.disconnect();
    start();
  });
  waiting.observe(document.documentElement, { subtree: true, childList: true });
})();
