// The simulator's card fields. They live in a frame of the simulator's own origin, so the card number never reaches this page.
//
//   const fields = CheckieSimulator.mount(element, { publishableKey, locale, dir, style })
//   fields.on("ready" | "change", fn)    change: { complete, empty, brand, errors: [field, …] }
//   await fields.validate()              { valid, field, code, message }; shows errors and focuses the first invalid field
//   await fields.confirm({ confirmUrl, clientSecret })
//       { status: "succeeded" | "requires_action" | "processing" | "declined" | "invalid" | "unknown",
//         next_action: { url }, code, message, field }
//     "invalid": nothing was sent, the buyer has to correct a field. "unknown": no response, ask your server for the status.
//   fields.focus(), fields.unmount()
//   style: text, muted, background, border, accent, error (colours), radius, fontSize, fontFamily
(() => {
  "use strict";
  const origin = new URL(document.currentScript.src).origin;
  const titles = { en: "Card details", de: "Kartendaten", fr: "Données de la carte", es: "Datos de la tarjeta", ar: "بيانات البطاقة" };

  const mount = (element, { publishableKey = "", locale = "", dir = "", style = {} } = {}) => {
    const language = locale || document.documentElement.lang || navigator.language;
    const query = new URLSearchParams({ parent: location.origin, key: publishableKey, locale: language, dir });
    const frame = document.createElement("iframe");
    frame.src = `${origin}/fields?${query}#${encodeURIComponent(JSON.stringify(style))}`;
    frame.title = titles[language.slice(0, 2).toLowerCase()] || titles.en;
    Object.assign(frame.style, { width: "100%", height: "180px", border: "0", display: "block", colorScheme: "normal" });

    const listeners = [];
    const pending = new Map();
    let ready;
    const isReady = new Promise((resolve) => { ready = resolve; });
    let last = 0;

    const onMessage = (message) => {
      if (message.origin !== origin || message.source !== frame.contentWindow || !message.data) return;
      const { checkie, id, result } = message.data;
      if (checkie === "resize") frame.style.height = `${Math.max(60, Math.min(1000, Number(result) || 0))}px`;
      if (checkie === "ready") ready();
      if (checkie === "answer" && pending.has(id)) { pending.get(id)(result); pending.delete(id); }
      if (checkie === "change") for (const listener of listeners) listener(result);
    };
    const call = async (method, args) => {
      await isReady;
      return new Promise((resolve) => {
        const id = ++last;
        pending.set(id, resolve);
        frame.contentWindow.postMessage({ checkie: method, id, ...args }, origin);
      });
    };

    addEventListener("message", onMessage);
    element.replaceChildren(frame);
    return Object.freeze({
      on(name, listener) { if (name === "ready") isReady.then(listener); else listeners.push(listener); },
      validate: () => call("validate"),
      confirm: ({ confirmUrl, clientSecret }) => call("confirm", { confirmUrl, clientSecret }),
      focus: () => call("focus"),
      unmount() { removeEventListener("message", onMessage); frame.remove(); },
    });
  };

  window.CheckieSimulator = Object.freeze({ mount });
})();
