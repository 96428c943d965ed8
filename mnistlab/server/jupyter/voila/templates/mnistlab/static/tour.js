// A short tour: a box in the corner that names one thing after the other and outlines it. Nothing
// is blocked meanwhile, and it starts only on request.
window.mnistlabTour = (() => {
  const STEPS = [
    [".ml-tab-predict .ml-pad", 2, "Draw a digit on the pad, or several in a row."],
    [".ml-tab-predict .ml-cards", 2, "Two networks answer at once. The bars show how probable each"
      + " digit is; ? means that it does not look like a digit."],
    [".ml-tab-predict .ml-why-toggle", 2, "Why? shows which parts of your drawing matter, and the"
      + " training digits most like it."],
    [".ml-tab-compare .ml-settings", 1, "Train your own networks: choose a card and press Train."],
    [".ml-tab-compare .ml-results", 1, "Results compares all models on the same test images, and"
      + " Side by side says which of two is better."],
    [".ml-tab-explore .ml-samples", 0, "Explore shows the data: samples, averages, maps and"
      + " outliers. Click an image to open it."],
  ];
  let box = null;
  let at = 0;

  const target = () => document.querySelector(STEPS[at][0]);

  function outline(isOn) {
    for (const each of document.querySelectorAll(".ml-toured")) each.classList.remove("ml-toured");
    if (isOn) target()?.classList.add("ml-toured");
  }

  function show() {
    const [, , text] = STEPS[at];
    box.querySelector("p").textContent = `${at + 1} of ${STEPS.length}. ${text}`;
    box.querySelector(".ml-tour-next").textContent = at + 1 < STEPS.length ? "Next" : "Done";
    outline(true);
    const block = innerWidth <= 700 ? "start" : "center"; // the box is at the bottom
    target()?.scrollIntoView({ block, behavior: "smooth" });
  }

  function end() {
    outline(false);
    if (!box) return;
    box.remove();
    box = null;
    document.querySelector(".ml-tour-start")?.focus();
  }

  // `open` brings a tab to the front, by its number.
  async function go(step, open) {
    at = step;
    open(STEPS[at][1]);
    for (let tries = 0; !target()?.offsetParent && tries < 100; tries += 1) {
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    if (box) show();
  }

  function button(text, name, verb) {
    const made = document.createElement("button");
    Object.assign(made, { type: "button", className: name, textContent: text, onclick: verb });
    return made;
  }

  return {
    start(open) {
      end();
      box = document.createElement("div");
      box.className = "ml-tour";
      box.setAttribute("role", "dialog");
      box.setAttribute("aria-label", "Tour");
      const text = document.createElement("p");
      text.setAttribute("aria-live", "polite");
      const next = button("Next", "ml-tour-next", () => {
        if (at + 1 < STEPS.length) go(at + 1, open);
        else {
          end();
          open(STEPS[0][1]);
        }
      });
      box.append(text, button("Skip", "ml-tour-skip", end), next);
      box.addEventListener("keydown", (event) => { if (event.key === "Escape") end(); });
      document.body.append(box);
      next.focus();
      go(0, open);
    },
  };
})();
