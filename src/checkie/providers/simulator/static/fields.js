// The simulator's card fields. The card number lives in a frame of the simulator's own and never reaches this page.
//
//   const fields = CheckieSimulator.mount(element, { publishableKey, locale, dir, style })
//   fields.on("ready" | "change", fn)    change: { complete, empty, brand, errors: [field, …] }
//   await fields.validate()              { valid, field, code, message }; shows what is wrong and goes there
//   await fields.confirm({ confirmUrl, clientSecret })
//       { status: "succeeded" | "requires_action" | "processing" | "declined" | "invalid" | "unknown",
//         next_action: { url }, code, message, field }
//     "invalid": nothing was sent, the buyer has to mend a field. "unknown": no answer came, ask your server how it stands.
//   fields.focus(), fields.unmount()
//   style: text, muted, background, border, accent, error (colours), radius, fontSize, fontFamily
(() => {
  "use strict";
  const home = new URL(document.currentScript.src).origin;
  const titles = { en: "Card details", de: "Kartendaten", fr: "Données de la carte", es: "Datos de la tarjeta", ar: "بيانات البطاقة" };

  const mount = (element, { publishableKey = "", locale = "", dir = "", style = {} } = {}) => {
    const language = locale || document.documentElement.lang || navigator.language;
    const query = new URLSearchParams({ parent: location.origin, key: publishableKey, locale: language, dir });
    const frame = document.createElement("iframe");
    frame.src = `${home}/fields?${query}#${encodeURIComponent(JSON.stringify(style))}`;
    frame.title = titles[language.slice(0, 2).toLowerCase()] || titles.en;
    Object.assign(frame.style, { width: "100%", height: "180px", border: "0", display: "block", colorScheme: "normal" });

    const listeners = [];
    const waiting = new Map();
    let ready;
    const isReady = new Promise((resolve) => { ready = resolve; });
    let last = 0;

    const hear = (message) => {
      if (message.origin !== home || message.source !== frame.contentWindow || !message.data) return;
      const { checkie, id, result } = message.data;
      if (checkie === "resize") frame.style.height = `${Math.max(60, Math.min(1000, Number(result) || 0))}px`;
      if (checkie === "ready") ready();
      if (checkie === "answer" && waiting.has(id)) { waiting.get(id)(result); waiting.delete(id); }
      if (checkie === "change") for (const listener of listeners) listener(result);
    };
    const ask = async (what, facts) => {
      await isReady;
      return new Promise((resolve) => {
        const id = ++last;
        waiting.set(id, resolve);
        frame.contentWindow.postMessage({ checkie: what, id, ...facts }, home);
      });
    };

    addEventListener("message", hear);
    element.replaceChildren(frame);
    return Object.freeze({
      on(name, listener) { if (name === "ready") isReady.then(listener); else listeners.push(listener); },
      validate: () => ask("validate"),
      confirm: ({ confirmUrl, clientSecret }) => ask("confirm", { confirmUrl, clientSecret }),
      focus: () => ask("focus"),
      unmount() { removeEventListener("message", hear); frame.remove(); },
    });
  };

  window.CheckieSimulator = Object.freeze({ mount });
})();
