/** What to do about what several checks find. */

/** Where a file of the package, or of one it depends on, is missing or does not run. */
export const REINSTALL = 'Install the package again on this machine, such as with `npm ci`'

/** Where the engine does not load. */
export const ENGINE_ADVICE =
  'onnxruntime-node does not run here: its binaries are for glibc (not for musl, which Alpine has) and for processors ' +
  `with AVX. If that is not it: ${REINSTALL}`

/** Where the tokenizer does not load. */
export const TOKENIZERS_ADVICE = `The library of the package tokenizers does not run here. ${REINSTALL}`

/** Where a disk does not answer. */
export const STORAGE_ADVICE =
  'See whether the disk answers: something on it blocks whoever reads it, such as a network that is gone, or a pipe ' +
  'that has the name of a file'
