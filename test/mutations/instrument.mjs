import { relative } from 'node:path';
import ts from 'typescript';

/**
 * Rewrites a source file so that each of its statements can be left out, and each of its conditions bent, while it runs: what is changed
 * asks `__mutation.at(number)` whether it is the one. Text is only put in, so that all else stays as it is.
 *
 * @param {string} root @param {string} path @param {string} source
 * @param {{ id: string }[]} found each change gets its number from its place here
 */
export function instrument(root, path, source, found) {
  const file = ts.createSourceFile(path, source, ts.ScriptTarget.ES2022, true);
  const name = relative(root, path).replace(/^src\//, '');
  /** @type {{ at: number, text: string }[]} */
  const texts = [];
  /** @type {Map<string, number>} */
  const used = new Map();

  /** @param {string} where @param {string} what @param {ts.Node} node */
  const number = (where, what, node) => {
    const words = node.getText(file).replace(/\s+/g, ' ');
    const id = `${name} ${where}: ${what} ${words.length > 90 ? `${words.slice(0, 90)}…` : words}`;
    const times = (used.get(id) ?? 0) + 1;
    used.set(id, times);
    found.push({ id: times === 1 ? id : `${id} (${times})` });
    return found.length - 1;
  };
  /** @param {ts.Node} node @param {string} before @param {string} after */
  const around = (node, before, after) => {
    texts.push({ at: node.getStart(file), text: before }, { at: node.getEnd(), text: after });
  };

  /** @param {ts.Expression} condition @param {string} where */
  const bend = (condition, where) => {
    const plain = ts.isParenthesizedExpression(condition) ? condition.expression : condition;
    if (
      ts.isBinaryExpression(plain) &&
      (plain.operatorToken.kind === ts.SyntaxKind.AmpersandAmpersandToken ||
        plain.operatorToken.kind === ts.SyntaxKind.BarBarToken)
    ) {
      bend(plain.left, where);
      bend(plain.right, where);
      return;
    }
    for (const value of [true, false]) {
      const k = number(where, `always ${value}`, plain);
      around(plain, value ? `(__mutation.at(${k}) || (` : `(!__mutation.at(${k}) && (`, '))');
    }
  };

  /** @param {ts.Node} node @param {string} where @param {boolean} inFunction */
  const visit = (node, where, inFunction) => {
    let [here, inside] = [where, inFunction];
    if (ts.isFunctionDeclaration(node) && node.name !== undefined) [here, inside] = [node.name.text, true];
    else if (ts.isArrowFunction(node) || ts.isFunctionExpression(node)) inside = true;
    else if (ts.isVariableDeclaration(node) && !inFunction && ts.isIdentifier(node.name)) here = node.name.text;
    else if (ts.isCallExpression(node) && ts.isIdentifier(node.expression) && !inFunction) {
      const [first] = node.arguments;
      if (first !== undefined && ts.isStringLiteral(first))
        here = /^(stage|glue|until|observed)$/.test(node.expression.text) ? `${where}.${first.text}` : first.text;
    }
    if (inside) {
      if (ts.isExpressionStatement(node) && !/^observe\(/.test(node.getText(file))) {
        const k = number(here, 'without', node);
        around(node, `if (!__mutation.at(${k})) { `, ' }');
      }
      if (ts.isIfStatement(node)) bend(node.expression, here);
      else if (ts.isConditionalExpression(node)) bend(node.condition, here);
      else if (ts.isReturnStatement(node) && node.expression !== undefined && isLogical(node.expression))
        bend(node.expression, here);
      else if (ts.isArrowFunction(node) && !ts.isBlock(node.body) && isLogical(node.body)) bend(node.body, here);
    }
    ts.forEachChild(node, (child) => visit(child, here, inside));
  };
  visit(file, '', false);
  return texts
    .map((text, i) => ({ ...text, i }))
    .sort((a, b) => b.at - a.at || b.i - a.i)
    .reduce((text, one) => text.slice(0, one.at) + one.text + text.slice(one.at), source);
}

/** @param {ts.Expression} node */
function isLogical(node) {
  return (
    ts.isBinaryExpression(node) &&
    (node.operatorToken.kind === ts.SyntaxKind.AmpersandAmpersandToken ||
      node.operatorToken.kind === ts.SyntaxKind.BarBarToken)
  );
}
