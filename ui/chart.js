// Stacked bars over time, as SVG.

const SPACE = "http://www.w3.org/2000/svg";
const [HEIGHT, LEFT, BOTTOM, TOP] = [260, 72, 22, 8];

function svg(tag, fields, text = null) {
  const made = document.createElementNS(SPACE, tag);
  for (const [name, value] of Object.entries(fields)) made.setAttribute(name, value);
  if (text !== null) made.textContent = text;
  return made;
}

// The least of 1, 2, 5 times a power of ten that four of reach the value.
function step(value) {
  const power = 10 ** Math.floor(Math.log10(value / 4 || 1));
  return [1, 2, 5, 10].map((times) => times * power).find((size) => size * 4 >= value);
}

// slots: [{label, title}], series: [{name, values}] with a value for each slot.
export function bars(slots, series, figure) {
  const sums = slots.map((_, at) => series.reduce((sum, one) => sum + one.values[at], 0));
  const size = step(Math.max(...sums, 0) || 1);
  const most = Math.max(size, Math.ceil(Math.max(...sums, 0) / size) * size);
  const width = document.querySelector("main").clientWidth - 40; // as it is shown: writing that shrinks cannot be read
  const high = HEIGHT - BOTTOM - TOP;
  const drawn = svg("svg", { viewBox: `0 0 ${width} ${HEIGHT}`, class: "chart", role: "img", "aria-label": "Over time" });
  for (let line = 0; line <= most + size / 2; line += size) {
    const y = TOP + high - (line / most) * high;
    drawn.append(svg("line", { class: "grid", x1: LEFT, x2: width, y1: y, y2: y }));
    drawn.append(svg("text", { x: LEFT - 8, y: y + 4, "text-anchor": "end" }, line < 1000 ? figure(line) : figure(line).replace(".00", "")));
  }
  const wide = (width - LEFT) / slots.length;
  const every = Math.ceil(slots.length / Math.min(12, width / 70));
  slots.forEach((slot, at) => {
    const x = LEFT + at * wide;
    let y = TOP + high;
    series.forEach((one, color) => {
      const tall = (one.values[at] / most) * high;
      if (!tall) return;
      y -= tall;
      const bar = svg("rect", { x: x + wide * 0.12, y, width: wide * 0.76, height: tall, class: `k${color}` });
      bar.append(svg("title", {}, `${slot.title}\n${one.name}: ${figure(one.values[at])}`));
      drawn.append(bar);
    });
    if (at % every === 0) drawn.append(svg("text", { x: x + wide / 2, y: HEIGHT - 6, "text-anchor": "middle" }, slot.label));
  });
  return drawn;
}
