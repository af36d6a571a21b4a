/** Calibration texts: English prose, from three words to a few hundred, in several registers. */

/** Short and middling prose, one line per paragraph once flowed. */
export const PROSE: readonly string[] = [
  'Rain before noon.',
  'The bridge is closed.',
  'Nobody had expected the orchard to survive the frost.',
  'She paid in coins, thanked the driver twice, and was gone before the doors had closed.',
  'Copper conducts better than iron, but iron is what the village had.',
  `A lighthouse is easy to describe and hard to keep. The lamp wants oil, the stairs want sweeping, and the log
wants an honest entry every four hours, whether or not anything has happened.`,
  `When glaciers retreat they leave behind a landscape of gravel ridges, kettle ponds and boulders that belong to
mountains hundreds of kilometres away. Geologists read these leftovers much as a detective reads a room: the
direction of scratches on bedrock tells where the ice was going, and the size of the stones tells how hard it was
pushing.`,
  `Most home networks fail in the same three places: a cable that was stepped on once too often, a router that has
not been restarted since it was bought, and a password that somebody changed without telling anybody. Check them in
that order before you call the provider.`,
  `The committee met four times over the winter. It heard from growers, from the two mills, and from a hydrologist
who had measured the river since 1987. Its report runs to ninety pages and recommends, in the end, that the sluice be
left open from October to March and that the mills be paid for the power they lose.`,
  `Bees do not see red. A poppy that looks scarlet to us reflects ultraviolet light as well, and it is that signal,
invisible to the gardener, which draws them in. Flowers pollinated by birds, on the other hand, are often plainly red
and carry no ultraviolet marks at all.`,
  `To sharpen a chisel you need a flat stone, patience and less pressure than you think. Lay the bevel on the stone,
rock it until both edges touch, and draw it towards you. Count the strokes. Turn the blade over and take off the burr
with one light pass. If it will not shave the hair from your arm, begin again.`,
  `The orchestra's new season opens with a symphony that nobody alive has heard in full. The parts were found in the
attic of a schoolhouse, stacked between atlases, with the second violin's marked in blue pencil by a player who
evidently disliked the conductor.`,
  `Interest that is paid on interest grows slowly and then suddenly. A sum that earns five per cent a year doubles in
about fourteen years, not twenty, and the last doubling adds as much as all the earlier ones together. The same
arithmetic works against anyone who lets a debt stand.`,
  `Nobody who has lived beside a motorway can tell you when the noise stops. It does not stop; it thins, towards three
in the morning, until single vehicles can be made out, and by five it has closed up again. The residents of Kessel Lane
asked for a wall in 1998. They were sent a form. They asked again in 2004 and were told that their houses lay eleven
metres outside the zone in which walls are built, which a retired surveyor among them was able to disprove with a tape
measure. The wall, three metres high and planted with ivy, was finished in the spring of 2011. It made the lane so
quiet that two families complained about the frogs.`,
  `Choosing a tent comes down to four questions. How many people will sleep in it, in truth and not on the label? Makers
count bodies laid side by side without luggage, so subtract one. Will it be carried, or does it travel in a car? Below
two kilograms every gram is paid for twice, once in money and once in durability. How much wind will it meet? A dome
with three crossed poles stands where a tunnel would fold, but a tunnel gives more room for its weight. And finally: who
is going to pitch it, and in what light? A tent whose inner part hangs from the outer one goes up in the rain without
getting wet inside. That single property has rescued more holidays than any waterproof rating.`,
]

/** Long prose: several paragraphs each. */
export const LONG_PROSE: readonly string[] = [
  `The ferry that connects the two halves of the town has been running, with interruptions for war and ice, since
1868. It is a flat, square, unlovely vessel that takes eleven cars or one fire engine, and it makes the crossing in
six minutes. There has been talk of a bridge for as long as anyone remembers. Three were designed, and one was begun:
its single pier still stands in the middle of the current, crowned with a small birch tree.

What the ferry has, and the bridge would not, is a deadline. People on the western bank shop before ten in the evening
because the last boat leaves at ten. Children learn to read the timetable before they learn to read. A doctor who is
called across at night telephones the ferryman, who lives in the yellow house by the slip and is, by an agreement that
nobody has ever written down, expected to come. He always has.

Economists who studied the town expected to find that the delay costs money, and it does: about two per cent of what
the western bank earns. They also found something that they had not been asked about. People who wait together talk.
Half of the small firms founded since 1990 were founded by partners who had met in the queue.`,
  `A compiler is a program that reads a program and writes another one that means the same. Everything difficult about
compilers hides in the word "same". Two programs mean the same if no observer can tell them apart, but what an
observer may look at is a matter of agreement. Nobody minds if the new program takes less time. Nobody minds if it keeps
a value in a register which the old one wrote to memory, as long as no other thread was reading that memory. Somebody
does mind, quite often, if it adds numbers in a different order, because rounding depends on it.

The agreement is called the language definition, and a good part of it says what is not promised. A program that reads
an array beyond its end has no meaning at all in some languages, so the compiler may assume that this never happens,
and draw conclusions: if the index must be smaller than ten, then the branch that handles larger ones can be removed.
The reasoning is sound. The programmer who wrote that branch as a precaution is nevertheless astonished.

There are two ways out. One is to promise more, so that every program means something, and to pay for the checks. The
other is to have a second program, run beside the first during testing, that notices when a promise is broken. Both are
in use, often by the same people on different days of the week.`,
  `Before the canal was dug, salt travelled from the coast to the hills on the backs of mules, and it took nine days.
Each mule carried about a hundred and twenty kilograms and ate roughly a tenth of what its load was worth. The drivers
knew every spring along the way, and they knew which innkeepers watered the wine. They were paid on arrival, by weight,
so that a night of rain could cost a man his whole profit unless the sacks were covered well.

The canal changed this within a single generation. A barge drawn by one horse moves thirty tonnes, and rain does it no
harm. The price of salt in the hills fell to a quarter. Cheese, which needs salt, became something to sell and no
longer just something to eat, and pastures climbed higher up the slopes than they had ever been. The inns along the old
road emptied one after another; their cellars can still be found among the brambles, cool in summer and full of bats.

Historians used to tell this as a story of progress, and it is hard to deny that people ate better. Yet the parish
books of the road villages tell another one beside it. Between 1791 and 1820 they record four baptisms for every ten of
the years before. The young left for the basin, where the warehouses were, or for the city at the far end. Those who
stayed learned to make charcoal. What had held these places together was not the salt, of which they never owned a
grain, but the fact that somebody passed through every day who had to be fed.

When the railway came in its turn, the canal villages expected the same fate and prepared for it. They had watched what
happened to the road. Several of them bought shares in the line on condition that it stop at their quays; two built
ice houses and sold ice to the trains. The lesson, a mayor wrote in 1864, was not that one should resist a faster way
of carrying things, which is useless, but that one should be standing where it halts.`,
]
