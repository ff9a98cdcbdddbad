/// By what the processes of a run are known, whoever started them and whoever has adopted them since: a variable of their
/// environment, which a process hands on to those that it starts.
struct RunMark: Sendable {
    static let variable = "ONSALE_RUN"

    let value: String

    init() { self.value = String(UInt64.random(in: 0 ... .max), radix: 16) }

    var environment: [String: String] { [Self.variable: self.value] }
    var entry: String { "\(Self.variable)=\(self.value)" }

    /// The program of the guardian: a shell that waits for the end of its input, which is the end of the run, and ends
    /// what carries the mark by then. First those who end others in order, then Redis and workers that nobody looks after;
    /// who stands still is let go, and who takes no notice is killed. At last it removes the run's own folder, with keys
    /// and state. Its arguments are `entry`, and that folder where there is one.
    ///
    /// After a run that ended in order nothing is left to be done. After `kill -9` nobody else would do it: a signal of
    /// the kernel's at the parent's death is of the parent's thread, and threads of Dispatch come and go.
    static let guardian = #"""
        entry=$1 folder=$2
        exec 2>/dev/null
        while read -r _; do :; done
        marked() {
            for file in $(grep -lsxz "$entry" /proc/[0-9]*/environ); do
                file=${file#/proc/}
                echo "${file%/environ}"
            done
        }
        heads() {
            for pid in $(marked); do
                grep -qsz '^SLUICE_WORKER=' "/proc/$pid/environ" && continue
                [ "$(cat "/proc/$pid/comm")" = redis-server ] || echo "$pid"
            done
        }
        end() {
            kill -s "$1" $($2)
            kill -s CONT $($2)
            tries=$3
            while [ "$tries" -gt 0 ] && [ -n "$($2)" ]; do
                sleep 0.1
                tries=$((tries - 1))
            done
        }
        end TERM heads 200
        end TERM marked 50
        end KILL marked 50
        [ -z "$folder" ] || rm -rf -- "$folder"
        """#
}
