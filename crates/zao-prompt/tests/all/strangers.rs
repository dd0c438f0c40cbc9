//! Faults that prompts by the last two judges showed, each in other words than theirs. What only looks like one is in `innocent`.

use zao_prompt::Code;

use crate::found;

const FAULTS: [(Code, &[&str]); 7] = [
    (
        Code::Repetition,
        &[
            "blue vintage car, blue color, parked by the sea",
            "a green parrot on a branch, jungle, green colour",
            "清晨的湖面，薄雾，清晨",
            "院子里的石桌，院子里有一口井",
            "the room is quiet and the room is full of books",
            "snow in the air, snow crystals floating in the air",
            "a girl wearing a top hat, red lips, a top hat",
            "漫山枫叶，溪水，枫叶满山",
            "好可爱好可爱的小狗",
            "a kitten in a basket, so so pretty",
        ],
    ),
    (
        Code::Abstract,
        &[
            "an orchard at dawn, the composition harmonious",
            "一幅墨竹，体现画家的精神追求",
            "海边的风筝，表达对自由的向往",
            "纺车旁的妇人，展现女性的力量",
            "the prettiest cottage by a stream",
            "a diner by the highway, iconic americana",
            "a lake at dusk, the mood is one of transcendence",
        ],
    ),
    (
        Code::Intensifier,
        &["super cute fox in the snow", "小屋看起来超解压", "花园真的好漂亮", "茶馆很有江南味"],
    ),
    (
        Code::UnquotedText,
        &[
            "a card with three bears, in big bubble letters happy birthday Anna at the top",
            "gym flyer, headline in bold white letters NO EXCUSES",
            "a beach poster, headline in red letters Summer Sale, palm trees",
        ],
    ),
    (
        Code::Bilingual,
        &[
            "布鲁克林大桥的黄昏 // the Golden Gate Bridge at dusk",
            "蓝白条纹的伞 // a red-and-white striped umbrella",
            "舞台上飘落的羽毛 // falling rose petals on a stage",
            "海上三艘白色帆船 // two white sailboats at sea",
        ],
    ),
    (
        Code::MeasureWord,
        &["同一颗枫树，叶子红了一半", "一件牛仔裤平铺在桌上", "两鹿站在林间", "一个猫趴在窗台上"],
    ),
    (
        Code::Contradiction,
        &[
            "少女閉著雙眼，直視鏡頭",
            "外星生物設定圖，身體完全透明，看得見內臟，身體不透光",
            "back view of a girl, her face smiling straight at the viewer",
            "nothing on the walls, a large painting hanging above the sofa",
            "solar panels in a desert, midday sun, stars visible in the dark sky",
            "老渔民的黑色剪影，脸上的皱纹根根清晰",
        ],
    ),
];

#[test]
fn what_strangers_wrote_is_seen_in_other_words() {
    let mut missed = Vec::new();
    for (code, prompts) in FAULTS {
        let those = prompts.iter().filter(|prompt| found(code, prompt).is_empty());
        missed.extend(those.map(|prompt| format!("{code}: {prompt}")));
    }
    assert!(missed.is_empty(), "{}", missed.join("\n"));
}
