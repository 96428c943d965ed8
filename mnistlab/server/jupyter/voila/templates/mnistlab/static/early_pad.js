// Lets a visitor draw while the page still loads. Once the real pad is there, the same strokes are
// drawn on it, as if by mouse.
(() => {
  const SIZE = 280; // of the real pad, in its own pixels
  const PEN = 18;
  const WAIT = 30; // milliseconds; no animation frames come where the window is hidden
  const PATIENCE = 8000; // milliseconds that the pad may come later than the page around it
  const frame = document.getElementById("loading");
  const canvas = frame.querySelector("canvas");
  const context = canvas.getContext("2d");
  const strokes = [];
  let stroke = null;

  function point(event) {
    const box = canvas.getBoundingClientRect();
    const scale = SIZE / box.width;
    return [(event.clientX - box.left) * scale, (event.clientY - box.top) * scale];
  }

  function draw(from, to) {
    context.beginPath();
    context.moveTo(...from);
    context.lineTo(...to);
    context.stroke();
  }

  canvas.width = canvas.height = SIZE;
  Object.assign(context, { lineWidth: PEN, lineCap: "round", lineJoin: "round", strokeStyle: "#fff" });
  canvas.addEventListener("pointerdown", (event) => {
    if (stroke || event.button) return;
    canvas.setPointerCapture(event.pointerId);
    frame.classList.add("ml-drawn");
    window.mnistlabDrewEarly = true;
    stroke = [point(event)];
    strokes.push(stroke);
    draw(stroke[0], stroke[0]);
  });
  canvas.addEventListener("pointermove", (event) => {
    if (!stroke || !event.isPrimary) return;
    stroke.push(point(event));
    draw(stroke.at(-2), stroke.at(-1));
  });
  const end = () => { stroke = null; };
  canvas.addEventListener("pointerup", end);
  canvas.addEventListener("pointercancel", end);

  function drawAgain(pad) {
    const box = pad.getBoundingClientRect();
    const scale = box.width / SIZE;
    const send = (type, [x, y]) => pad.dispatchEvent(new MouseEvent(type, {
      bubbles: true, clientX: box.left + scale * x, clientY: box.top + scale * y,
    }));
    for (const each of strokes) {
      send("mousedown", each[0]);
      for (const at of each) send("mousemove", at);
      send("mouseup", each.at(-1));
    }
  }

  // The frame goes when the real pad has been laid out, and no stroke is under way; after a while
  // also without a pad, as where Predict could not be opened.
  let seen = null; // when the real page came
  function tryToLeave() {
    const pad = document.querySelector(".ml-pad canvas");
    const hasPad = pad !== null && pad.getBoundingClientRect().width > 0;
    if (document.querySelector(".ml-app")) seen ??= performance.now();
    const isLate = seen !== null && performance.now() - seen > PATIENCE;
    if (frame.isConnected && (stroke !== null || !(hasPad || isLate))) {
      setTimeout(tryToLeave, WAIT);
      return;
    }
    frame.remove();
    if (hasPad) drawAgain(pad);
  }
  setTimeout(tryToLeave, WAIT);
})();
