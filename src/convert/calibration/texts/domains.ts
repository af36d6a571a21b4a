/** Calibration texts in the words of particular trades, and of people talking to each other. */

/** Law, medicine, commerce, science, kitchens, conversations. Wrapped in the source; flowed before use. */
export const DOMAINS: readonly string[] = [
  `The Lessee shall not assign this Agreement, nor sublet the Premises or any part thereof, without the prior written
consent of the Lessor, which consent shall not be unreasonably withheld, delayed or conditioned. Any purported
assignment in breach of this clause shall be void and shall entitle the Lessor to terminate upon thirty (30) days'
notice.`,
  `To the fullest extent permitted by applicable law, the Supplier's aggregate liability arising out of or in connection
with the Services, whether in contract, tort (including negligence) or otherwise, is limited to the fees paid in the
twelve months preceding the event that gave rise to the claim.`,
  `A 67-year-old man presented with three days of productive cough, fever of 38.9 °C and pleuritic pain on the right.
Auscultation revealed crackles over the lower lobe. CRP 184 mg/L, leucocytes 15.2 × 10⁹/L. He was started on
amoxicillin 1 g three times daily; oxygen saturation recovered to 96 % on room air by the second day.`,
  `Take one tablet every eight hours with food. Do not exceed three tablets in 24 hours. Stop and consult a physician if
you notice a rash, swelling of the face, or difficulty breathing. Not suitable for children under twelve.`,
  `Cordless drill 18 V, brushless, 65 Nm, with two 4.0 Ah batteries, charger and case. 13 mm keyless chuck, two gears
(0–500 / 0–1,900 rpm), LED work light. Weight 1.6 kg with battery. Two-year warranty, three after registration.`,
  `Linen shirt, relaxed fit, mother-of-pearl buttons. Garment-washed for softness; expect slight variations of colour.
Machine wash at 30°. Model is 184 cm and wears M.`,
  `★★☆☆☆ Looks lovely, works badly. The handle gets too hot to touch after five minutes and the lid rattles. Returned it.
To be fair, the refund came the next day.`,
  `Customer: My parcel says delivered but I have nothing. Agent: I am sorry to hear that. Could you tell me the tracking
number, please? Customer: RX 481 220 977. Agent: Thank you. The driver left it with your neighbour at number 12.`,
  `Melt 60 g of butter over low heat, stir in the flour and let it foam for two minutes without browning. Add 500 ml of
warm milk little by little, whisking all the time. Simmer for ten minutes; season with salt, white pepper and a scrape
of nutmeg.`,
  `We report a search for periodic signals in four years of photometry of a nearby M dwarf. After detrending with a
Gaussian process, one candidate with a period of 11.38 ± 0.02 d and a depth of 420 ppm remains. Injection tests show
that the pipeline recovers 92 % of such signals; the probability of a false alarm is below 0.3 %. Spectroscopic
follow-up is required to rule out a blended binary.`,
  `Third-quarter revenue rose 6.4 % to EUR 812 million, ahead of consensus. Organic growth was 4.1 %, with currency
adding 1.2 points. The operating margin narrowed by 80 basis points to 13.7 % on higher freight. Management confirmed
its guidance for the year and proposed an interim dividend of EUR 0.45 per share.`,
  `Dear Ms Abara, thank you for your application for the position of archivist. We were impressed by your experience with
maritime collections and would like to invite you to an interview on the 14th at half past ten. Please bring the
originals of your certificates. Kind regards, P. Lindqvist`,
  `The home side took the lead against the run of play when a corner was only half cleared and Moreau struck it on the
bounce. Twenty minutes from time they were down to ten men, and the equaliser, when it came, surprised nobody.`,
  `Section 4. In any given calendar year, an employee who has completed six months of continuous service is entitled to
twenty-four working days of paid leave.`,
  `What is claimed is a hinge for a foldable table, comprising a first leaf fixed to the table top, a second leaf fixed to
a leg, and a pin on which both leaves turn; wherein the second leaf carries a spring-loaded tooth that engages one of at
least two notches of the first, such that the leg is held both when folded and when extended; and wherein the tooth can
be withdrawn from either notch by a single lever which is reached from the outer side of the leg. In one embodiment the
notches are lined with a polymer, which quietens the engagement. In another the lever is connected by a rod to that of
the opposite leg, so that one movement frees both. The drawings show the first embodiment; like numerals denote like
parts throughout.`,
]

/** The same, where the line breaks are the author's. */
export const DIALOGUE: readonly string[] = [
  `A: are you still at the office
B: yeah, 20 more min. why
A: forgot my charger, could u bring it? left drawer
B: found 2. the white one??
A: the other 🙈 thx!!`,
  `the river keeps no letters
it takes the light from the windows
and gives it to the weir`,
  `SCENE 4. A station platform, early.

MIRA (without turning). You said nine.
JON. It is nine.
MIRA. It is nine somewhere.
(A whistle. Neither moves.)`,
]
