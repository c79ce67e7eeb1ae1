//! How much CPU time a process has used.

use std::{fs, time::Duration};

/// The length of a clock tick in `/proc/PID/stat`: `USER_HZ` is 100 on every Linux that Rust runs on.
const TICK: Duration = Duration::from_millis(10);

/// The CPU time of all threads of a process; none if it has ended, or there is no `/proc`.
///
/// The scheduler's account of threads is exact, but forgets those that have ended. The account of the process keeps
/// them, in ticks of 10 ms, rounded down. So the larger one is nearer to the truth.
pub(super) fn of_process(pid: u32) -> Option<Duration> {
    let by_process = ticks(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)?;
    Some(by_process.max(of_threads(pid).unwrap_or_default()))
}

/// The sum over the threads that are alive. In each thread's `schedstat` the first number is its time on
/// a CPU in nanoseconds.
fn of_threads(pid: u32) -> Option<Duration> {
    let mut sum = Duration::ZERO;
    for thread in fs::read_dir(format!("/proc/{pid}/task")).ok()? {
        // A thread may end while it is looked at.
        let account = thread.ok().and_then(|thread| {
            let text = fs::read_to_string(thread.path().join("schedstat")).ok()?;
            text.split_whitespace().next()?.parse().ok()
        });
        sum += Duration::from_nanos(account.unwrap_or_default());
    }
    Some(sum)
}

/// `utime` plus `stime`, the 14th and 15th field of `/proc/PID/stat`. The second field is the program's
/// name in parentheses, which may hold spaces and parentheses itself.
fn ticks(stat: &str) -> Option<Duration> {
    let (_, after_name) = stat.rsplit_once(')')?;
    let mut fields = after_name.split_whitespace().skip(11);
    let user: u32 = fields.next()?.parse().ok()?;
    let system: u32 = fields.next()?.parse().ok()?;
    Some(TICK * user.checked_add(system)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_found_behind_a_name_with_spaces_and_parentheses() {
        let stat =
            "4242 (a) (b c) S 1 4242 4242 0 -1 4194560 900 0 0 0 7 5 0 0 20 0 3 0 12345 1 2 3";
        assert_eq!(ticks(stat), Some(Duration::from_millis(120)));
        assert_eq!(ticks("4242 (a) S"), None);
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn the_time_of_a_busy_process_is_seen() {
        let before = of_process(std::process::id()).unwrap();
        let mut number = 0_u64;
        while of_process(std::process::id()).unwrap() < before + Duration::from_millis(20) {
            number = std::hint::black_box(number + 1);
        }
        assert_eq!(of_process(u32::MAX), None);
    }
}
