// An answer's operations (wasm-client/src/markdown.h) as DOM nodes: elements of this table and no others, texts as texts.

const elements = {
  p: 'p', quote: 'blockquote', ul: 'ul', ol: 'ol', li: 'li', hr: 'hr', pre: 'pre', table: 'table', thead: 'thead', tbody: 'tbody', tr: 'tr', th: 'th', td: 'td',
  em: 'em', strong: 'strong', del: 'del', code: 'code', a: 'a', br: 'br', cite: 'button', h: 'h3',
};
const HEADINGS = ['h3', 'h4', 'h5', 'h6', 'h6', 'h6']; // the panel's own heading is an h2

const finish = {
  h: (node, level) => { const named = document.createElement(HEADINGS[level - 1]); node.replaceWith(named); return named; },
  ol: (node, first) => { node.start = first; },
  th: (node, align) => { node.dataset.align = align; },
  td: (node, align) => { node.dataset.align = align; },
  a: (node, address) => { node.href = address; node.title = address; node.target = '_blank'; node.rel = 'noopener noreferrer nofollow'; },
  cite: (node, number, offset) => { node.type = 'button'; node.className = 'cite'; node.textContent = `[${number}]`; Object.assign(node.dataset, { number, offset }); },
};

/** One block; onCite(button) may name it. */
export function blockOf(operations, onCite) {
  const root = document.createDocumentFragment();
  let at = root;
  for (const operation of operations) {
    if (operation === 0) {
      at = at.parentNode;
    } else if (typeof operation === 'string') {
      at.append(operation);
    } else {
      const [name, ...values] = operation;
      let node = document.createElement(elements[name]);
      at.append(node);
      node = finish[name]?.(node, ...values) ?? node;
      if (name === 'cite') onCite(node);
      at = node;
    }
  }
  return root.firstChild;
}

/** Brings a container to what was told: the first `keep` blocks stay as they are. */
export function showBlocks(container, { keep, blocks }, onCite) {
  while (container.children.length > keep) container.lastChild.remove();
  container.append(...blocks.map((operations) => blockOf(operations, onCite)));
}
