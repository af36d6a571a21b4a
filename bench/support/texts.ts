/** Plain texts of a given number of tokens, the same in every run. Knows no tokenizer: it is given a way to count. */

/** Words to make texts of; their order is shuffled by a fixed rule. */
const WORDS = `the of river and a light in to is morning that people walk water it with for mountain as was on bridge by
stone are this city be from market at which road have an old had his they window but her not garden or she there music
were one all we when your can said summer use each winter number story time will paper up other about out many letter
then them write would like so these some color into more two thing see could moon first answer than been who oil its now
find long down day did get come made may part quiet question house station train`.split(/\s+/)

/** A word that most vocabularies hold whole: fills what a longer word would overshoot. */
const FILLER = 'a'

/** Steps through the words; shares no factor with their number's likely values, so that all are met. */
const STRIDE = 37

/**
 * A text of exactly so many tokens as `count` counts them, special tokens included, where fillers are one token each;
 * else of as many as fit.
 *
 * @param seed - Another seed gives another text.
 */
export async function textOfTokens(
  count: (text: string) => Promise<number>,
  tokens: number,
  seed = 0,
): Promise<string> {
  let text = word(seed)
  for (let place = 1; ; place++) {
    const longer = `${text} ${word(seed + place * STRIDE)}`
    const found = await count(longer)
    if (found > tokens) break
    text = longer
    if (found === tokens) return text
  }
  for (;;) {
    const longer = `${text} ${FILLER}`
    const found = await count(longer)
    if (found > tokens) return text
    text = longer
    if (found === tokens) return text
  }
}

function word(place: number): string {
  return WORDS[place % WORDS.length] ?? FILLER
}
