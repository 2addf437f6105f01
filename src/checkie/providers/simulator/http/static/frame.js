// The card fields inside their frame. They exchange messages with one origin only, the one in the frame's address.
(() => {
  "use strict";
  const form = document.getElementById("card");
  const parentOrigin = form.dataset.parent;
  const messages = JSON.parse(form.dataset.messages);
  const inputs = { number: form.elements.number, exp: form.elements.exp, cvc: form.elements.cvc };
  const RESPONSE_WITHIN_MS = 30000;
  const SHOW_AFTER_MS = 150;
  const MAX_YEARS_AHEAD = 50;

  const send = (checkie, result, id) => parent.postMessage({ checkie, id, result }, parentOrigin);
  // Digits of any script as 0 to 9, without everything else.
  const digits = (text) => text.normalize("NFKC").replace(/[\u0660-\u0669\u06f0-\u06f9]/g, (digit) => digit.charCodeAt(0) & 15).replace(/\D/g, "");

  const brand = (number) => {
    if (/^4/.test(number)) return "visa";
    if (/^(5[1-5]|2(22[1-9]|2[3-9]|[3-6]|7[01]|720))/.test(number)) return "mastercard";
    if (/^3[47]/.test(number)) return "amex";
    if (/^(6011|64[4-9]|65)/.test(number)) return "discover";
    if (/^(30[0-5]|36|38|39)/.test(number)) return "diners";
    if (/^35(2[89]|[3-8])/.test(number)) return "jcb";
    return /^62/.test(number) ? "unionpay" : "unknown";
  };
  const passesLuhn = (number) => {
    const sum = [...number].reverse().reduce((total, digit, place) => {
      const value = Number(digit) * (place % 2 + 1);
      return total + (value > 9 ? value - 9 : value);
    }, 0);
    return sum % 10 === 0;
  };
  const expiry = () => {
    const text = digits(inputs.exp.value);
    const year = Number(text.slice(2));
    return { month: Number(text.slice(0, 2)), year: text.length === 6 ? year : text.length === 4 ? 2000 + year : null };
  };

  const errorOf = {
    number() {
      const number = digits(inputs.number.value);
      if (!inputs.number.value.trim()) return "number_missing";
      return number.length < 12 || number.length > 19 || !passesLuhn(number) ? "incorrect_number" : null;
    },
    exp() {
      if (!inputs.exp.value.trim()) return "exp_missing";
      const { month, year } = expiry();
      const now = new Date();
      if (month < 1 || month > 12) return "invalid_expiry_month";
      if (year === null || year < now.getFullYear() || year > now.getFullYear() + MAX_YEARS_AHEAD) return "invalid_expiry_year";
      return year === now.getFullYear() && month <= now.getMonth() ? "invalid_expiry_month" : null;
    },
    cvc() {
      const cvc = digits(inputs.cvc.value);
      if (!inputs.cvc.value.trim()) return "cvc_missing";
      const maxDigits = brand(digits(inputs.number.value)) === "amex" ? 4 : 3;
      return cvc.length < 3 || cvc.length > maxDigits ? "invalid_cvc" : null;
    },
  };

  const show = (name, code) => {
    inputs[name].setAttribute("aria-invalid", code ? "true" : "false");
    document.getElementById(`${name}-error`).textContent = code ? messages[code] : "";
  };
  const hasError = (name) => inputs[name].getAttribute("aria-invalid") === "true";
  const sendChange = () => {
    const names = Object.keys(inputs);
    send("change", {
      complete: names.every((name) => !errorOf[name]()),
      empty: names.every((name) => !inputs[name].value),
      brand: brand(digits(inputs.number.value)),
      errors: names.filter(hasError),
    });
  };
  const validate = () => {
    const errors = Object.keys(inputs).map((name) => [name, errorOf[name]()]);
    for (const [name, code] of errors) show(name, code);
    sendChange();
    const first = errors.find(([, code]) => code);
    if (!first) return { valid: true };
    inputs[first[0]].focus();
    return { valid: false, field: first[0], code: first[1], message: messages[first[1]] };
  };

  const grouped = {
    number(text) {
      const number = digits(text).slice(0, 19);
      const groups = brand(number) === "amex" ? /^(\d{0,4})(\d{0,6})(\d{0,5})/ : /^(\d{0,4})(\d{0,4})(\d{0,4})(\d{0,7})/;
      return groups.exec(number).slice(1).filter(Boolean).join(" ");
    },
    exp(text, isAdding) {
      let exp = digits(text).slice(0, 6);
      if (/^[2-9]/.test(exp) || (/^1$/.test(exp) && /\/\s*$/.test(text))) exp = `0${exp}`;
      if (exp.length < 2 || (exp.length === 2 && !isAdding)) return exp;
      return `${exp.slice(0, 2)} / ${exp.slice(2)}`;
    },
    cvc: (text) => digits(text).slice(0, 4),
  };
  const reformat = (input, isAdding) => {
    const before = input.value;
    const after = grouped[input.name](before, isAdding);
    if (after === before) return;
    const digitsLeft = digits(before.slice(0, input.selectionStart)).length;
    const atEnd = input.selectionStart === before.length;
    input.value = after;
    let caret = 0;
    for (let passed = 0; caret < after.length && passed < digitsLeft; caret += 1) if (/\d/.test(after[caret])) passed += 1;
    input.setSelectionRange(atEnd ? after.length : caret, atEnd ? after.length : caret);
  };

  const confirm = async ({ confirmUrl, clientSecret }) => {
    const checked = validate();
    if (!checked.valid) return { status: "invalid", ...checked };
    const { month, year } = expiry();
    const card = { number: digits(inputs.number.value), exp_month: month, exp_year: year, cvc: digits(inputs.cvc.value) };
    try {
      // The card number is sent to the simulator only, whatever URL the embedding page passes.
      if (new URL(confirmUrl, location.href).origin !== location.origin) throw new Error("different origin");
      const response = await fetch(confirmUrl, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ client_secret: clientSecret, card }),
        signal: AbortSignal.timeout(RESPONSE_WITHIN_MS),
      });
      const body = await response.json();
      if (response.ok) return body;
      return { status: response.status >= 500 ? "unknown" : "invalid", code: body.error.code, message: body.error.message };
    } catch {
      return { status: "unknown", code: "no_response" };
    }
  };

  const methods = { validate, confirm, focus: () => inputs.number.focus() };
  addEventListener("message", async (message) => {
    if (message.origin !== parentOrigin || message.source !== parent || !message.data) return;
    const { checkie, id } = message.data;
    if (Object.hasOwn(methods, checkie)) send("answer", await methods[checkie](message.data), id);
  });
  for (const [name, input] of Object.entries(inputs)) {
    input.addEventListener("input", (event) => {
      reformat(input, !(event.inputType || "").startsWith("delete"));
      if (hasError(name)) show(name, errorOf[name]());
      sendChange();
    });
    // Delayed: when a click on the page's pay button takes the focus, an error must not move the button away from under it.
    input.addEventListener("blur", () => setTimeout(() => {
      if (document.hasFocus() && document.activeElement === input) return;
      if (input.value || hasError(name)) show(name, errorOf[name]());
      sendChange();
    }, SHOW_AFTER_MS));
  }
  form.addEventListener("submit", (event) => event.preventDefault());

  const style = JSON.parse(decodeURIComponent(location.hash.slice(1)) || "{}");
  const names = { text: "--text", muted: "--muted", background: "--background", border: "--border", accent: "--accent", error: "--error", radius: "--radius", fontSize: "--font-size", fontFamily: "--font-family" };
  for (const [name, value] of Object.entries(style)) {
    if (Object.hasOwn(names, name) && /^[\w\s#%.,()'"/-]{1,100}$/.test(value)) document.documentElement.style.setProperty(names[name], value);
  }
  new ResizeObserver(() => send("resize", Math.ceil(form.getBoundingClientRect().height))).observe(form);
  send("ready");
})();
