// Inside the frame of the card fields. Talks to one origin only, the one that the frame's address names.
(() => {
  "use strict";
  const form = document.getElementById("card");
  const parentOrigin = form.dataset.parent;
  const words = JSON.parse(form.dataset.words);
  const inputs = { number: form.elements.number, exp: form.elements.exp, cvc: form.elements.cvc };
  const ANSWER_WITHIN_MS = 30000;
  const SHOW_AFTER_MS = 150;
  const FURTHEST_YEARS = 50;

  const tell = (checkie, result, id) => parent.postMessage({ checkie, id, result }, parentOrigin);
  // Digits of any script as 0 to 9, everything else away.
  const digits = (text) => text.normalize("NFKC").replace(/[\u0660-\u0669\u06f0-\u06f9]/g, (sign) => sign.charCodeAt(0) & 15).replace(/\D/g, "");

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
    const typed = digits(inputs.exp.value);
    const year = Number(typed.slice(2));
    return { month: Number(typed.slice(0, 2)), year: typed.length === 6 ? year : typed.length === 4 ? 2000 + year : null };
  };

  const flawOf = {
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
      if (year === null || year < now.getFullYear() || year > now.getFullYear() + FURTHEST_YEARS) return "invalid_expiry_year";
      return year === now.getFullYear() && month <= now.getMonth() ? "invalid_expiry_month" : null;
    },
    cvc() {
      const cvc = digits(inputs.cvc.value);
      if (!inputs.cvc.value.trim()) return "cvc_missing";
      const longest = brand(digits(inputs.number.value)) === "amex" ? 4 : 3;
      return cvc.length < 3 || cvc.length > longest ? "invalid_cvc" : null;
    },
  };

  const show = (name, code) => {
    inputs[name].setAttribute("aria-invalid", code ? "true" : "false");
    document.getElementById(`${name}-error`).textContent = code ? words[code] : "";
  };
  const shownWrong = (name) => inputs[name].getAttribute("aria-invalid") === "true";
  const change = () => {
    const names = Object.keys(inputs);
    tell("change", {
      complete: names.every((name) => !flawOf[name]()),
      empty: names.every((name) => !inputs[name].value),
      brand: brand(digits(inputs.number.value)),
      errors: names.filter(shownWrong),
    });
  };
  const validate = () => {
    const wrong = Object.keys(inputs).map((name) => [name, flawOf[name]()]);
    for (const [name, code] of wrong) show(name, code);
    change();
    const first = wrong.find(([, code]) => code);
    if (!first) return { valid: true };
    inputs[first[0]].focus();
    return { valid: false, field: first[0], code: first[1], message: words[first[1]] };
  };

  const grouped = {
    number(typed) {
      const number = digits(typed).slice(0, 19);
      const groups = brand(number) === "amex" ? /^(\d{0,4})(\d{0,6})(\d{0,5})/ : /^(\d{0,4})(\d{0,4})(\d{0,4})(\d{0,7})/;
      return groups.exec(number).slice(1).filter(Boolean).join(" ");
    },
    exp(typed, grew) {
      let exp = digits(typed).slice(0, 6);
      if (/^[2-9]/.test(exp) || (/^1$/.test(exp) && /\/\s*$/.test(typed))) exp = `0${exp}`;
      if (exp.length < 2 || (exp.length === 2 && !grew)) return exp;
      return `${exp.slice(0, 2)} / ${exp.slice(2)}`;
    },
    cvc: (typed) => digits(typed).slice(0, 4),
  };
  const retype = (input, grew) => {
    const before = input.value;
    const after = grouped[input.name](before, grew);
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
      // The number goes nowhere but home, whatever the embedding page asks for.
      if (new URL(confirmUrl, location.href).origin !== location.origin) throw new Error("another origin");
      const answer = await fetch(confirmUrl, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ client_secret: clientSecret, card }),
        signal: AbortSignal.timeout(ANSWER_WITHIN_MS),
      });
      const body = await answer.json();
      if (answer.ok) return body;
      return { status: answer.status >= 500 ? "unknown" : "invalid", code: body.error.code, message: body.error.message };
    } catch {
      return { status: "unknown", code: "no_answer" };
    }
  };

  const verbs = { validate, confirm, focus: () => inputs.number.focus() };
  addEventListener("message", async (message) => {
    if (message.origin !== parentOrigin || message.source !== parent || !message.data) return;
    const { checkie, id } = message.data;
    if (Object.hasOwn(verbs, checkie)) tell("answer", await verbs[checkie](message.data), id);
  });
  for (const [name, input] of Object.entries(inputs)) {
    input.addEventListener("input", (event) => {
      retype(input, !(event.inputType || "").startsWith("delete"));
      if (shownWrong(name)) show(name, flawOf[name]());
      change();
    });
    // A little later: if it is a click on the page's pay button that takes the focus, the button must not move under it.
    input.addEventListener("blur", () => setTimeout(() => {
      if (document.hasFocus() && document.activeElement === input) return;
      if (input.value || shownWrong(name)) show(name, flawOf[name]());
      change();
    }, SHOW_AFTER_MS));
  }
  form.addEventListener("submit", (event) => event.preventDefault());

  const style = JSON.parse(decodeURIComponent(location.hash.slice(1)) || "{}");
  const names = { text: "--text", muted: "--muted", background: "--background", border: "--border", accent: "--accent", error: "--error", radius: "--radius", fontSize: "--font-size", fontFamily: "--font-family" };
  for (const [name, value] of Object.entries(style)) {
    if (Object.hasOwn(names, name) && /^[\w\s#%.,()'"/-]{1,100}$/.test(value)) document.documentElement.style.setProperty(names[name], value);
  }
  new ResizeObserver(() => tell("resize", Math.ceil(form.getBoundingClientRect().height))).observe(form);
  tell("ready");
})();
