/** Names of files inside an artefact. */

/** The backbone's graph; its weights are beside it. */
export const BACKBONE_FILE = 'backbone.onnx'

/** The checkpoint's tokenizer, as it is. */
export const TOKENIZER_FILE = 'tokenizer.json'

/** Name of a head's graph. */
export function headFile(dimensions: number): string {
  return `heads/${dimensions}.onnx`
}

/** Folder with the weights as engines on processors want them. */
export const PACKED_FOLDER = 'packed'

/** Names the lock under which packed forms are made and removed, beside them. */
export const PACKING_LOCK = 'packing'
