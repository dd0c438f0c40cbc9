//! The words that tell where the name of a thing ends, and what of it is only a part. What follows from them is decided in `same`.

/// Words with which a name ends, and which are none.
pub(super) const STOPS: [&str; 120] = [
    "a", "an", "the", "this", "that", "these", "those", "and", "or", "but", "nor", "as", "than",
    "with", "without", "of", "in", "on", "at", "by", "to", "from", "for", "into", "onto", "over",
    "under", "above", "below", "behind", "beside", "between", "beyond", "near", "around", "across",
    "along", "against", "through", "inside", "outside", "within", "among", "before", "after",
    "during", "until", "while", "when", "where", "which", "who", "whose", "if", "so", "up", "down",
    "off", "out", "away", "about", "toward", "towards", "upon", "atop", "next", "like", "is",
    "are", "was", "were", "be", "been", "being", "has", "have", "had", "do", "does", "can", "will",
    "should", "must", "it", "its", "he", "his", "she", "her", "him", "they", "their", "them",
    "my", "our", "your", "i", "we", "you", "one", "two", "three", "another", "other", "each",
    "every", "some", "any", "no", "not", "there", "stands", "sits", "lies", "hangs", "waits",
    "rises", "floats", "both", "seen",
];

/// Words between a thing and what it is.
pub(super) const ADVERBS: [&str; 58] = [
    "completely", "fully", "entirely", "totally", "wholly", "perfectly", "firmly", "tightly",
    "freshly", "neatly", "clearly", "just", "now", "still", "already", "all", "quite", "almost",
    "nearly", "half", "very", "too", "only", "also", "visibly", "obviously", "strictly",
    "slightly", "partly", "badly", "heavily", "deeply", "brightly", "utterly", "absolutely",
    "everywhere", "here", "again", "then", "shown", "made", "built", "placed", "set", "lying",
    "standing", "sitting", "sideways", "backwards", "forward", "forwards", "upright", "together", "apart", "motionless",
    "alone", "high", "low",
];

/// What brings in another thing.
pub(super) const INDEFINITE: [&str; 16] = [
    "a", "an", "another", "other", "some", "two", "three", "four", "five", "several", "many",
    "few", "one", "each", "every", "most",
];

/// Who or what was spoken of.
pub(super) const PRONOUNS: [&str; 4] = ["it", "he", "she", "its"];
pub(super) const PRONOUNS_HAN: [&str; 3] = ["它", "他", "她"];

/// Behind these a thing's material follows.
pub(super) const MADE: [&str; 26] = [
    "made", "built", "carved", "crafted", "cut", "cast", "constructed", "woven", "knitted",
    "sculpted", "moulded", "molded", "forged", "hewn", "fashioned", "formed", "sewn", "clad",
    "covered", "upholstered", "wrapped", "finished", "assembled", "folded", "blown", "consisting",
];

/// What a picture is called, which is not what it shows.
pub(super) const MEDIA: [&str; 54] = [
    "photo", "photograph", "picture", "image", "shot", "render", "rendering", "illustration",
    "painting", "drawing", "sketch", "poster", "portrait", "close-up", "closeup", "view", "advert",
    "advertisement", "ad", "logo", "icon", "sticker", "thumbnail", "scene", "art", "artwork",
    "concept", "visualisation", "visualization", "mockup", "cover", "banner", "wallpaper",
    "editorial", "photography", "still", "frame", "snapshot", "print", "design", "diagram", "map",
    "style", "composition", "macro", "watercolour", "watercolor", "oil", "detail", "image-set",
    "masterpiece", "quality", "8k", "4k",
];

/// Surfaces and parts that are spoken of as the thing itself.
pub(super) const PARTS: [&str; 39] = [
    "surface", "surfaces", "finish", "glaze", "exterior", "coating", "casing", "shell", "body",
    "bodywork", "paintwork", "paint", "upholstery", "walls", "material", "texture", "fabric",
    "sides", "outside", "interior", "skin", "fur", "coat", "clothes", "clothing", "hair",
    "structure", "construction", "build", "hull", "façade", "facade", "shape", "form", "outline",
    "silhouette", "liquid", "contents", "whole",
];
pub(super) const PARTS_HAN: [&str; 44] = [
    "表面", "外表", "外壳", "外观", "外形", "机身", "瓶身", "车身", "杯身", "壶身", "箱体", "外墙", "墙体", "墙面",
    "漆面", "车漆", "釉面", "釉", "材质", "质地", "皮毛", "毛发", "羽毛", "皮肤", "衣服", "衣衫", "衣裳", "身体",
    "身上", "身子", "头发", "造型", "轮廓", "形状", "边缘", "整体", "毛", "身躯", "船身", "船体", "楼体", "建筑",
    "通体", "全身",
];

/// Words that speak of all of what the prompt is about.
pub(super) const WHOLE_HAN: [&str; 32] = [
    "浑身", "全身", "通体", "通身", "周身", "整体", "一身", "整个", "整座", "整栋", "整棵", "整件", "整辆", "整只",
    "整条", "整张", "整艘", "整架", "整株", "整间", "满身", "遍体", "外表", "这座", "这栋", "这辆", "这只", "这件",
    "这棵", "该建筑", "本身", "全车",
];

/// Characters between a Chinese word and a noun with which the noun is another thing's.
pub(super) const STOPS_HAN: [char; 36] = [
    '和', '与', '或', '跟', '及', '配', '在', '上', '下', '里', '着', '戴', '穿', '拿', '是', '有', '把', '被', '一',
    '两', '三', '几', '另', '不', '没', '旁', '前', '后', '间', '边', '中', '到', '从', '向', '让', '使',
];

/// What stands in front of a name that was there before, or is the only one.
pub(super) const LEADS: [&str; 13] = [
    "the", "its", "his", "her", "their", "this", "these", "with", "of", "all", "both", "on", "in",
];

/// Words that end like verbs and are none.
pub(super) const NO_VERBS: [&str; 59] = [
    "building", "ceiling", "painting", "string", "morning", "evening", "clothing", "railing", "opening", "wedding",
    "family", "butterfly", "dragonfly", "assembly", "lovely", "curly", "woolly", "elderly", "prickly", "jellyfish", "panelling", "paneling", "lining", "stitching", "edging", "icing", "frosting", "filling", "topping", "carving",
    "engraving", "moulding", "molding", "lettering", "seating", "housing", "casing", "coating", "siding", "decking", "tiling",
    "awning", "lightning", "pudding", "bedding", "flooring", "dwelling", "clearing", "crossing", "landing", "earring",
    "stocking", "seed", "weed", "speed", "steed", "shed", "sled", "reed",
];

/// What puts another thing beside the one that was named.
pub(super) const BESIDES: [&str; 20] = [
    "旁边", "隔壁", "身旁", "身边", "对面", "一旁", "邻座", "另一", "其中", "next to", "beside", "next door", "neighbour",
    "neighbor", "opposite", "下方", "上方", "another", "the other", "one of",
];

/// Characters that bring in another thing.
pub(super) const NEW_HAN: [char; 6] = ['一', '另', '两', '几', '半', '每'];

/// What the parts of a thing end with: 伞面, 瓶身, 河水.
pub(super) const PART_ENDS: [char; 20] = [
    '面', '身', '口', '盖', '壁', '底', '床', '水', '体', '沿', '柄', '把', '顶', '框', '架', '座', '背', '垫',
    '板', '壳',
];

/// Characters that many names end with, which are not one thing for that.
pub(super) const VAGUE_HAN: [char; 34] = [
    '光', '色', '声', '味', '人', '物', '品', '感', '式', '风', '气', '家', '店', '馆', '室', '图', '画', '头', '手',
    '片', '块', '料', '材', '具', '器', '机', '场', '地', '天', '影', '者', '员', '师', '质',
];

/// Those of them that are most of it.
pub(super) const PART_BODIES: [char; 6] = ['面', '身', '床', '水', '体', '壳'];

/// Behind a word that ends with one of these stands what is done to, and not what it is said of: 装满苹果.
pub(super) const LEADING: [char; 15] = ['着', '了', '满', '成', '有', '到', '在', '过', '出', '上', '开', '逐', '捕', '地', '得'];

/// What somebody has, which is no other being.
pub(super) const BODY: [&str; 44] = [
    "手", "双手", "只手", "眼", "双眼", "眼睛", "脚", "双脚", "腿", "双腿", "手臂", "双臂", "胳膊", "耳朵", "头发", "脸", "嘴", "嘴唇",
    "双唇", "目光", "眼神", "表情", "hands", "hand", "arms", "arm", "eyes", "eye", "legs", "feet", "mouth", "lips", "hair",
    "head", "face", "gaze", "expression", "wings", "tail", "fur", "body", "knees", "fists", "shoulders",
];

/// What the last word of a phrase ends with that is no name.
pub(super) const PLAIN: [&str; 93] = [
    "ed", "ing", "ly", "al", "ous", "ful", "ic", "ble", "less", "ish", "open", "shut", "tight", "wide", "hot", "cold", "dry",
    "wet", "full", "empty", "clean", "new", "old", "tall", "high", "low", "large", "small", "big", "flat", "bare", "up",
    "down", "long", "short", "loose", "straight", "sharp", "smooth", "calm", "still", "apart", "together", "brim", "off",
    "out", "lit", "on", "corner", "edge", "side", "third", "frame", "left", "right", "centre", "center", "middle", "top",
    "bottom", "raw", "ripe", "done", "through", "clear", "like", "bright", "dark", "broken", "frozen", "worn", "torn", "fresh",
    "intact", "air", "sky", "speed", "orbit", "flight", "condition", "wood", "metal", "steel", "glass", "stone", "leather",
    "velvet", "silk", "wool", "paper", "plastic", "concrete", "marble",
];

/// What leads from a thing to what it is made of.
pub(super) const LINKS: [&str; 18] = [
    "is", "are", "in", "is in", "is made of", "made of", "made entirely of", "is made entirely of", "of", "is entirely",
    "is of", "carved from", "cut from", "made from", "is carved from", "cast in", "in solid", "upholstered in",
];
pub(super) const LINKS_HAN: [&str; 13] = [
    "由", "是", "为", "用", "以", "采用", "全部为", "全部由", "全是", "完全由", "都是", "改为", "材质为",
];

/// What the words of places end with, which are no things.
pub(super) const SIDES_HAN: [char; 12] = ['侧', '边', '端', '角', '方', '央', '间', '心', '中', '处', '米', '口'];

/// Behind a Chinese word these say more of the same.
pub(super) const BEHIND_HAN: [char; 31] = [
    '而', '又', '且', '又', '地', '得', '于', '能', '会', '如', '像', '似', '到', '极', '却', '还', '也', '都', '正', '已', '蓬', '无',
    '后', '时', '起', '下', '来', '去', '落', '质', '的',
];
