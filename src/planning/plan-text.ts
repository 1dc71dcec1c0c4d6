/** Text as a model writes it, made fit for a definition. Pure. */

/** White space becomes one blank; control characters and half characters go. */
export const clean = (text: string): string =>
  text
    .toWellFormed()
    .replace(/[\s\p{Cc}\ufffd]+/gu, ' ')
    .trim()

export const hasWord = (text: string): boolean => /\p{L}/u.test(text)

/** Ends text with a full stop, so that more can be written behind it. */
export const sentence = (text: string): string => (/[\p{L}\p{N}]$/u.test(text) ? `${text}.` : text)

/** A readable name from the goal's own letters; definitions are addressed by their hash, so names may repeat. */
export function planName(goal: string): string {
  const slug = goal
    .toLowerCase()
    .match(/[a-z0-9]+/g)
    ?.join('_')
    .slice(0, 48)
    .replace(/_$/, '')
  return `plan_${slug ?? 'of_a_goal'}`
}
