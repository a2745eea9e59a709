// TypeDoc plugin. A property of a type that valibot infers is declared once, but TypeScript lists that declaration twice (the
// type is an intersection), and TypeDoc then warns of two comments. That one warning is dropped; all others are errors.

/** @param {import('typedoc').Application} app */
export function load({ logger }) {
  drop('warn', / has multiple declarations with a comment/);
  drop('info', /^The comments for /);

  /** @param {'warn' | 'info'} level @param {RegExp} unwanted */
  function drop(level, unwanted) {
    const log = logger[level];
    logger[level] = (/** @type {string} */ text, /** @type {unknown[]} */ ...rest) => {
      if (!unwanted.test(text)) Reflect.apply(log, logger, [text, ...rest]);
    };
  }
}
