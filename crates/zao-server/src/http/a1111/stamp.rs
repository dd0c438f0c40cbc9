//! Times as A1111 writes them. Calendars are known no further than that, and clocks are not read.

/// Seconds since 1970 as `YYYYMMDDhhmmss` in UTC.
pub(super) fn stamp(seconds: f64) -> String {
    let seconds = seconds.max(0.0) as u64;
    let (days, of_day) = (seconds / 86_400, seconds % 86_400);
    // Years that begin in March end with the leap day, so that months have lengths without exceptions.
    let days = days + 719_468;
    let (era, day) = (days / 146_097, days % 146_097);
    let year_of_era = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day_of_year = day - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    let year = era * 400 + year_of_era + u64::from(month <= 2);
    let (hour, minute, second) = (of_day / 3600, of_day / 60 % 60, of_day % 60);
    format!("{year:04}{month:02}{day:02}{hour:02}{minute:02}{second:02}")
}

#[cfg(test)]
mod tests {
    use super::stamp;

    #[test]
    fn times_are_written_as_dates() {
        for (seconds, text) in [
            (0.0, "19700101000000"),
            (951_782_400.0, "20000229000000"),
            (1_767_225_600.5, "20260101000000"),
            (1_798_761_599.0, "20261231235959"),
            (4_107_542_400.0, "21000301000000"),
            (-5.0, "19700101000000"),
        ] {
            assert_eq!(stamp(seconds), text, "{seconds}");
        }
    }
}
