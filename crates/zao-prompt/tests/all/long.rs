//! Prompts of a megabyte: looking at them takes a time that grows with their length and no faster.

use std::time::{Duration, Instant};

use zao_prompt::{Options, check};

const MEGABYTE: usize = 1 << 20;

/// A machine that is busy with something else may take many times as long; a loop within a loop would take minutes.
const PATIENCE: Duration = Duration::from_secs(5);

/// The processor's time for a megabyte, where it is known and the code is optimized: five times the 50 ms that a quick machine has to keep, since
/// nobody knows which one this is. One of two cores that were shared took 108 ms, and quick ones 30.
const PROCESSOR: Duration = Duration::from_millis(250);

/// How many times as long a megabyte of faults may take as one of usual prompts, measured beside it: a machine that is busy otherwise takes
/// longer for both. On a quick one that is the 250 ms of eight times 30.
const FAULTS: u32 = 8;

/// What this thread has had of a processor, which others that are busy take nothing of; `None` where the system does not say.
fn processor_time() -> Option<Duration> {
    let told = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    let nanoseconds = told.split(' ').next()?.parse().ok()?;
    Some(Duration::from_nanos(nanoseconds)).filter(|time| !time.is_zero())
}

/// The least processor time of so many.
fn takes_of_processor(prompt: &str, times: usize) -> Option<Duration> {
    let once = || {
        let start = processor_time()?;
        std::hint::black_box(check(prompt, &Options::default()));
        Some(processor_time()? - start)
    };
    (0..times).map(|_| once()).min().flatten()
}

fn takes(prompt: &str) -> Duration {
    let once = || {
        let start = Instant::now();
        std::hint::black_box(check(prompt, &Options::default()));
        start.elapsed()
    };
    let _ = check("a", &Options::default());
    (0..3).map(|_| once()).min().unwrap()
}

/// A megabyte of what people write.
fn usual() -> String {
    let prompts = "An old fisherman mends a green net on a pier, wrinkled hands in focus, boats behind him. 一位年轻女子坐在木窗边，手里捧着一本书，窗外是细雨和芭蕉叶。\n";
    prompts.repeat(MEGABYTE / prompts.len())
}

#[test]
fn a_megabyte_of_prompts_is_quick() {
    let text = usual();
    let unlike: String = (0..MEGABYTE / 64)
        .map(|at| {
            format!("a lamp of number {at} stands in room {}, the wall is {}. ", at * 7, at % 13)
        })
        .collect();
    for text in [text, unlike] {
        let time = takes(&text);
        println!("{} bytes: {time:?}", text.len());
        assert!(time < PATIENCE, "{time:?}");
        let processor = takes_of_processor(&text, 9).filter(|_| !cfg!(debug_assertions));
        println!("of the processor: {processor:?}");
        assert!(processor.is_none_or(|time| time < PROCESSOR), "{processor:?}");
    }
    let usual = takes("a very red apple on a blue table, masterpiece, 8k, a sign that says OPEN");
    println!("a usual prompt: {usual:?}");
    assert!(usual < PATIENCE / 100, "{usual:?}");
}

/// What each rule has most to do with: a piece that is repeated until it is a megabyte, or as many with a number in them.
const WORST: [&str; 40] = [
    "非常",
    "非常美丽的",
    "very ",
    "very red ",
    "very very, ",
    "非常美丽的灯#，",
    "a very red lamp #, ",
    "masterpiece, best quality, 8k, ",
    "杰作，高清，",
    "lamp #, masterpiece, 8k, best quality, ",
    "a,b，c、d。",
    "红，blue,绿,",
    "，,。.",
    "灯#,, 马，， 书",
    "“",
    "“a”",
    "\"a\" ",
    "day night ",
    "白天夜晚",
    "white background, black background, ",
    "//",
    "一只猫//a dog//",
    "(（",
    "（猫)",
    "cat ",
    "cat, ",
    "猫",
    "小猫小猫",
    "red cat red cat ",
    "发簪",
    "重檐，乐师",
    "画龙点睛",
    "俺",
    "一个马",
    "两苹果",
    "樹树",
    "a\u{200b}",
    "写着欢迎光临，",
    "a sign that says Room #, ",
    "love ",
];

/// A text of so many bytes, at least, made of a piece; `#` in it is another number each time.
fn made_of(piece: &str, bytes: usize) -> String {
    if !piece.contains('#') {
        return piece.repeat(bytes / piece.len());
    }
    let mut text = String::with_capacity(bytes + piece.len());
    for number in 0.. {
        if text.len() >= bytes {
            break;
        }
        text.push_str(&piece.replace('#', &number.to_string()));
    }
    text
}

#[test]
fn a_megabyte_of_each_fault_is_quick() {
    if cfg!(debug_assertions) {
        return;
    }
    let usual = usual();
    for piece in WORST {
        let text = made_of(piece, MEGABYTE);
        // Another program may come between once, and hardly three times.
        let is_quick = (0..3).any(|_| {
            let (fault, usual) = (takes_of_processor(&text, 3), takes_of_processor(&usual, 3));
            println!("{piece:?} over and over: {fault:?} of the processor, and {usual:?}");
            fault.zip(usual).is_none_or(|(fault, usual)| fault < usual * FAULTS)
        });
        assert!(is_quick, "{piece:?}");
    }
}

#[test]
fn eight_times_as_much_takes_no_more_than_it_should() {
    if cfg!(debug_assertions) {
        return;
    }
    for piece in WORST {
        let (short, long) = (made_of(piece, MEGABYTE / 8), made_of(piece, MEGABYTE));
        let ratio = || {
            let short = takes_of_processor(&short, 3)?.as_secs_f64();
            // What takes less than two ticks of the clock, of 4 ms each, is no measure.
            Some(takes_of_processor(&long, 1)?.as_secs_f64() / short.max(0.008))
        };
        // Another program may push this one's data out of the caches for a while; a loop within a loop stays at 64
        // for what takes two ticks.
        let is_fine = (0..5).any(|_| ratio().is_none_or(|ratio| ratio < 24.0));
        assert!(is_fine, "{piece:?}: {:?}", ratio());
    }
}

#[test]
fn nothing_makes_it_slow() {
    let pieces = [
        "very ",
        "a",
        "“",
        "\"",
        "'",
        "(",
        "（",
        ",",
        "，, ",
        "一",
        "一个",
        "写着",
        "非常",
        "马",
        "的",
        "发",
        "//",
        "8k, ",
        "masterpiece ",
        "that says ",
        "sign that says A",
        "\u{200b}",
        "\u{a0}",
        " ",
        "\n",
        "樹树",
        "day night ",
        "白天夜晚",
        "慢",
        "可爱",
        "{",
        "<a",
        "https://",
        "龍",
        "！！",
        "two dogs ",
        "、",
    ];
    for piece in pieces {
        let text = piece.repeat((MEGABYTE / 8) / piece.len());
        let time = takes(&text);
        println!("{piece:?} over and over: {time:?}");
        assert!(time < PATIENCE, "{piece:?}: {time:?}");
    }
}
