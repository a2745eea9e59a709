/** An element of an XML document. */
export interface XmlElement {
  readonly name: string;
  readonly attributes: Readonly<Record<string, string>>;
  readonly children: readonly (XmlElement | string)[];
}

const entities: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"' };

function readText(text: string): string {
  if (/[<>]/.test(text)) throw new Error(`'${text}' has a bare < or >`);
  return text.replace(/&([^;]*);?/g, (whole, name: string) => {
    const character = entities[name];
    if (character === undefined) throw new Error(`'${whole}' is not an entity`);
    return character;
  });
}

function readAttributes(text: string): Record<string, string> {
  const attributes: Record<string, string> = {};
  const rest = text.replace(/\s+([A-Za-z][\w-]*)="([^"]*)"/g, (_whole, name: string, value: string) => {
    if (name in attributes) throw new Error(`${name} is there twice`);
    attributes[name] = readText(value);
    return '';
  });
  if (rest.trim() !== '') throw new Error(`'${rest}' is not an attribute`);
  return attributes;
}

/** Reads the small part of XML that pictures are written in, and throws at anything that is not well-formed. */
export function parseXml(text: string): XmlElement {
  interface Open {
    name: string;
    attributes: Record<string, string>;
    children: (XmlElement | string)[];
  }
  const document: Open = { name: '', attributes: {}, children: [] };
  const stack: Open[] = [document];
  const token = /<(\/?)([A-Za-z]+)((?:\s+[\w-]+="[^"]*")*)\s*(\/?)>|([^<]+)|(.)/gsy;
  for (const [whole, close, name = '', attributes = '', empty, content, wrong] of text.matchAll(token)) {
    const top = stack.at(-1) as Open;
    if (wrong !== undefined) throw new Error(`'${wrong}' is out of place in <${top.name}>`);
    if (content !== undefined) {
      top.children.push(readText(content));
    } else if (close === '/') {
      if (top.name !== name) throw new Error(`${whole} ends <${top.name}>`);
      stack.pop();
    } else {
      const element = { name, attributes: readAttributes(attributes), children: [] };
      top.children.push(element);
      if (empty !== '/') stack.push(element);
    }
  }
  if (stack.length !== 1) throw new Error(`<${stack.at(-1)?.name}> does not end`);
  const [root, ...more] = document.children.filter((child) => typeof child !== 'string' || child.trim() !== '');
  if (root === undefined || typeof root === 'string' || more.length > 0) throw new Error('there is not one element');
  return root;
}

/** An element and all inside it. */
export function elementsOf(root: XmlElement): XmlElement[] {
  return [root, ...root.children.flatMap((child) => (typeof child === 'string' ? [] : elementsOf(child)))];
}

/** The text directly in an element. */
export function textOf(element: XmlElement): string {
  return element.children.filter((child) => typeof child === 'string').join('');
}
