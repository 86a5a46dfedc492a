// What a person would see: the colours of every text, and what overlaps in the map. Returned to the test as data.
(() => {
  const parsed = (text) => {
    const [red, green, blue, alpha = 1] = text.match(/[\d.]+/g).map(Number);
    return { rgb: [red, green, blue], alpha };
  };
  const luminance = (rgb) => {
    const [red, green, blue] = rgb.map((one) => {
      const share = one / 255;
      return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  };
  const ratio = (one, other) => {
    const [light, dark] = [luminance(one.rgb), luminance(other.rgb)].sort((first, second) => second - first);
    return (light + 0.05) / (dark + 0.05);
  };
  return {
    contrasts() {
      const behind = (element) => {
        if (element.closest("svg") && element.tagName === "text") {
          return parsed(getComputedStyle(element.parentElement.querySelector("rect")).fill);
        }
        for (let one = element; one; one = one.parentElement) {
          const colour = parsed(getComputedStyle(one).backgroundColor);
          if (colour.alpha === 1) return colour;
          if (colour.alpha > 0) throw new Error("a background that lets through: " + one.tagName);
        }
        throw new Error("no background");
      };
      const found = [];
      const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
      while (walk.nextNode()) {
        const element = walk.currentNode.parentElement;
        if (!walk.currentNode.data.trim() || ["TITLE", "DESC", "STYLE"].includes(element.tagName.toUpperCase())) continue;
        const style = getComputedStyle(element);
        const colour = parsed(element.tagName === "text" ? style.fill : style.color);
        found.push({ text: walk.currentNode.data.trim().slice(0, 40), ratio: ratio(colour, behind(element)) });
      }
      return found;
    },
    lines() {
      const svg = document.querySelector("figure svg");
      const ground = parsed(getComputedStyle(svg.parentElement).backgroundColor);
      return [...svg.querySelectorAll(".line path, .box rect")].map((one) => ({
        of: one.tagName,
        stroke: getComputedStyle(one).stroke,
        ratio: ratio(parsed(getComputedStyle(one).stroke), ground),
        dashes: getComputedStyle(one).strokeDasharray,
      }));
    },
    overlaps() {
      const svg = document.querySelector("figure svg");
      const area = (one) => ({ of: one.textContent.trim(), ...one.getBoundingClientRect().toJSON() });
      const plates = [...svg.querySelectorAll("g > rect")].map((one) => ({ ...area(one), group: one.parentElement }));
      const texts = [...svg.querySelectorAll("text")].map((one) => ({ ...area(one), group: one.parentElement }));
      const apart = (one, other) =>
        one.right <= other.left || other.right <= one.left || one.bottom <= other.top || other.bottom <= one.top;
      const outside = (one, other) =>
        one.left < other.left || one.right > other.right || one.top < other.top - 1 || one.bottom > other.bottom + 1;
      const found = [];
      for (const [number, text] of texts.entries()) {
        const own = plates.find((plate) => plate.group === text.group);
        if (outside(text, own)) found.push(`${text.of} leaves its plate`);
        for (const plate of plates) if (plate !== own && !apart(text, plate)) found.push(`${text.of} lies on another plate`);
        for (const other of texts.slice(number + 1)) {
          // Lines of one plate follow each other: their boxes hold space above and below the letters.
          const close = { ...other, top: other.top + 3, bottom: other.bottom - 3 };
          if (!apart({ ...text, top: text.top + 3, bottom: text.bottom - 3 }, close)) found.push(`${text.of} lies on ${other.of}`);
        }
      }
      for (const [number, one] of plates.entries())
        for (const other of plates.slice(number + 1)) if (!apart(one, other)) found.push("two plates overlap");
      return { found, texts: texts.length, plates: plates.length };
    },
  };
})()
