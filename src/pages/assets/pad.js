// Large keys for numbers beside a field that takes the keyboard too.

/** Lets the keys of `pad` write into `field`. */
export function pad(keys, field) {
  keys.addEventListener("click", ({ target }) => {
    const { key } = target.closest("button")?.dataset ?? {};
    if (!key) return;
    field.value = key === "back" ? field.value.slice(0, -1) : field.value + key;
    field.dispatchEvent(new Event("input", { bubbles: true }));
  });
}

/** What a person typed as a number: full-width digits and a decimal comma are fine. NaN when it is none. */
export function typed(field) {
  const text = field.value.normalize("NFKC").trim().replace(",", ".");
  return /^[0-9]+([.][0-9]+)?$/.test(text) ? Number(text) : Number.NaN;
}
