/** Calibration texts in languages other than English, and in several at once. */

/** Wrapped in the source only where the language puts spaces between words; flowed before use. */
export const LANGUAGES: readonly string[] = [
  'Guten Morgen!',
  `Die Bäckerei an der Ecke hat seit Jahren dieselbe Öffnungszeit, und trotzdem steht jeden Samstag jemand um Viertel vor
sieben vor der verschlossenen Tür. Die Bäckerin winkt dann durch das Fenster, zeigt auf die Uhr und schließt meistens
doch auf.`,
  `Wer einen alten Apfelbaum schneidet, braucht zuerst Zeit zum Hinsehen. Welche Äste tragen noch, welche reiben
aneinander, wo fehlt das Licht? Man beginnt mit dem toten Holz, weil man dabei nichts falsch machen kann, und hört nach
jedem Schnitt auf, um einmal um den Baum zu gehen. Mehr als ein Fünftel der Krone sollte in einem Winter nicht fallen;
sonst antwortet der Baum mit einem Wald aus Wassertrieben, und im nächsten Jahr ist die Arbeit größer als zuvor.`,
  `Gemäß § 12 Abs. 2 der Satzung bedürfen Änderungen der Donaudampfschifffahrtsgesellschaft einer Mehrheit von drei
Vierteln der abgegebenen Stimmen.`,
  `Le train de nuit traverse la plaine sans s'arrêter. À l'aube, on aperçoit d'abord les peupliers, puis les toits d'un
village dont personne, dans le compartiment, ne connaît le nom.`,
  `Pour réinitialiser votre mot de passe, cliquez sur le lien ci-dessous ; il restera valable pendant vingt-quatre heures.
Si vous n'êtes pas à l'origine de cette demande, ignorez ce message.`,
  `La abuela guardaba las semillas en frascos de vidrio, cada uno con su etiqueta: tomate de la huerta vieja, pimiento
dulce, judía pinta. Decía que una semilla olvidada es una carta sin abrir.`,
  '¿Dónde está la parada del autobús más cercana, por favor?',
  '图书馆周一闭馆，其余时间早上九点开门。借书证可以在一楼服务台办理，需要带身份证和一张照片。',
  '老城的钟楼已经停了三年。最初大家都说是缺一个零件，后来才知道，唯一会修这座钟的师傅搬去了南方。今年春天，他的徒弟回来了，是个二十多岁的姑娘，背着一只旧木箱。她在楼上待了整整两天，饭都是邻居送上去的。第三天清晨六点，钟声响了，整条街的人都推开了窗户，有人鼓掌，也有人抱怨被吵醒。她说，其实什么零件都不缺，只是鸽子在齿轮里做了窝。',
  '这款耳机的音质不错，但是佩戴两个小时以后耳朵会有点疼，电池大概能用六个小时。',
  '台風の影響で、明日の始発から運転を見合わせる区間があります。お出かけの前に最新の運行情報をご確認ください。',
  '祖父の庭には古い柿の木があって、秋になると近所の子どもたちが竹の棒を持って集まってきた。',
  'افتُتح المتحف الجديد على ضفة النهر بعد عشر سنوات من البناء، ويضم أكثر من ثلاثة آلاف قطعة أثرية جُمعت من قرى المنطقة.',
  'يرجى التأكد من إغلاق النوافذ قبل مغادرة المكتب.',
  `В мастерской пахло клеем и свежей стружкой. Старый мастер поднял скрипку к свету, прищурился и сказал, что дерево
должно полежать ещё хотя бы год.`,
  'Обновление завершено. Перезагрузите компьютер, чтобы изменения вступили в силу.',
  'गाँव के बीच में एक पुराना कुआँ है, जिसका पानी गर्मियों में भी ठंडा रहता है। शाम को लोग वहीं बैठकर दिन भर की बातें करते हैं।',
  'कृपया अपना आवेदन शुक्रवार तक जमा करें।',
  '오늘 회의는 오후 세 시로 미뤄졌습니다. 자료는 메일로 보내 드리겠습니다.',
  'O barco saiu cedo, carregado de laranjas, e só voltou quando a maré virou.',
  `Ticket #4471: der Build schlägt fehl mit "permission denied (publickey)". 已经换过密钥了 still the same error. Merci de
vérifier le runner 🙏`,
]
