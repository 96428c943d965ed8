// Loads plotly, 1.4 MB, when the first figure is shown. JupyterLab's extension would load at once.
(() => {
  const NAME = "jupyterlab-plotly";
  const MIME = "application/vnd.plotly.v1+json";
  let extension = null; // the real one, a container of webpack's module federation
  let shared = null; // the modules that Voilà shares with it

  async function sharedModule(name) {
    const [version] = Object.values(shared[name]);
    return (await version.get())();
  }

  async function createRealRenderer(options) {
    const [found] = [(await extension.get("./mimeExtension"))().default].flat();
    return found.rendererFactory.createRenderer(options);
  }

  async function lateExtension() {
    const { PanelLayout, Widget } = await sharedModule("@lumino/widgets");

    class LateFigure extends Widget {
      constructor(options) {
        super();
        this.options = options;
        this.layout = new PanelLayout();
        this.addClass("ml-late-figure");
      }

      async renderModel(model) {
        if (!this.real) {
          this.real = await createRealRenderer(this.options);
          this.layout.addWidget(this.real);
        }
        await this.real.renderModel(model);
      }
    }

    const createRenderer = (options) => new LateFigure(options);
    const rendererFactory = { safe: false, mimeTypes: [MIME], createRenderer };
    const plugin = { id: `${NAME}:late`, rank: 0, dataType: "json", rendererFactory };
    return { __esModule: true, default: plugin };
  }

  const late = {
    init(scope) {
      shared = scope;
      return extension.init(scope);
    },
    async get() {
      const made = await lateExtension();
      return () => made;
    },
  };

  window._JUPYTERLAB = window._JUPYTERLAB ?? {};
  Object.defineProperty(window._JUPYTERLAB, NAME, {
    get: () => extension && late,
    set: (made) => { extension = made; },
  });
})();
