//! Sizes as people read them.

/// Bytes in the largest unit of 1024 that leaves at least 1, with one digit behind the point.
pub(super) fn size(bytes: i64) -> String {
    let (sign, bytes) = (if bytes < 0 { "-" } else { "" }, bytes.unsigned_abs());
    let units = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    if bytes < 1024 {
        return format!("{sign}{bytes} B");
    }
    let mut tenths = u128::from(bytes) * 10;
    let mut unit = "";
    for next in units {
        if tenths < 10 * 1024 {
            break;
        }
        tenths = (tenths + 512) / 1024;
        unit = next;
    }
    format!("{sign}{}.{} {unit}", tenths / 10, tenths % 10)
}

/// `part` of `whole` in per cent with one digit; nothing if there is no whole.
pub(super) fn percent(part: i64, whole: i64) -> String {
    if whole <= 0 {
        return String::new();
    }
    let permille = (i128::from(part) * 1000 + i128::from(whole) / 2).div_euclid(i128::from(whole));
    let sign = if permille < 0 { "-" } else { "" };
    format!("{sign}{}.{} %", permille.abs() / 10, permille.abs() % 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes() {
        for (bytes, text) in
            [(0, "0 B"), (1023, "1023 B"), (-1536, "-1.5 KiB"), (1 << 20, "1.0 MiB"), (i64::MIN, "-8.0 EiB")]
        {
            assert_eq!(size(bytes), text);
        }
        assert_eq!(
            (percent(1, 3).as_str(), percent(-1, 2).as_str(), percent(1, 0).as_str()),
            ("33.3 %", "-50.0 %", "")
        );
    }
}
