// Warns before a training is lost, and shows in the status line that the kernel cannot be reached.
window.mnistlabSession = (() => {
  let ended = false;
  let mustShutDown = false;
  let statusBefore = null;

  const isTraining = () => !ended && document.querySelector(".ml-app.ml-training") !== null;

  function shutDownKernel() {
    const { baseUrl, kernelId } =
      JSON.parse(document.getElementById("jupyter-config-data").textContent);
    const form = new FormData();
    form.append("_xsrf", document.cookie.match("\\b_xsrf=([^;]*)\\b")?.[1] ?? "");
    navigator.sendBeacon(`${baseUrl}voila/api/shutdown/${kernelId}`, form);
  }

  addEventListener("beforeunload", (event) => {
    mustShutDown = isTraining();
    if (!mustShutDown) return;
    // Voilà's listener, which was added later, would shut the kernel down before the visitor has
    // answered. `pagehide` does this when the page really closes.
    event.stopImmediatePropagation();
    event.preventDefault();
    event.returnValue = "";
  });
  addEventListener("pagehide", (event) => {
    if (mustShutDown && !event.persisted) shutDownKernel();
  });

  function showStatus(text) {
    const line = document.querySelector(".ml-status .widget-html-content");
    if (!line) return;
    if (!line.querySelector(".ml-says-disconnected")) statusBefore = line.innerHTML;
    const said = document.createElement("div");
    said.className = "ml-says-error ml-says-disconnected";
    said.setAttribute("role", "status");
    said.textContent = text;
    line.replaceChildren(said);
  }

  return {
    /** Show that the session's kernel has ended; returns the text for the notice. */
    end() {
      ended = true;
      showStatus("Disconnected: your session has ended.");
      const app = document.querySelector(".ml-app");
      let lost = "";
      if (app?.classList.contains("ml-shared")) lost = " Its drawings and runs were deleted.";
      else if (app) {
        lost = " Finished runs and My digits are kept. The drawing on the pad and unfinished"
          + " trainings are lost.";
      }
      return `Your session has ended.${lost} Reload to start a new session.`;
    },
    /** Show that the server cannot be reached. */
    lose() {
      showStatus("Disconnected: trying to reconnect …");
    },
    /** Remove that: the kernel can be reached again. */
    connect() {
      const said = document.querySelector(".ml-status .ml-says-disconnected");
      if (said) said.parentNode.innerHTML = statusBefore;
    },
  };
})();
