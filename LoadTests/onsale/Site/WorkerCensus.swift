/// Counts the workers of a run that live: processes of this machine, whatever the site says of them.
///
/// Made to be asked each second. What was looked at twice and does not carry the run's mark is not looked at again for as
/// long as it is there. What carries the mark is: it may be a worker that has not become a program of its own yet.
struct WorkerCensus: Sendable {
    private static let looks = 2

    private let mark: RunMark
    private let pool: String
    /// Those that are not of the run, and how often that was seen.
    private var others: [Int32: Int] = [:]

    init(of mark: RunMark, pool: String) {
        self.mark = mark
        self.pool = pool
    }

    mutating func count() -> Int {
        var others: [Int32: Int] = [:]
        var count = 0
        for pid in ProcessTable.pids {
            let looks = self.others[pid] ?? 0
            guard looks < Self.looks else {
                others[pid] = looks
                continue
            }
            switch ProcessTable.isWorker(pid, of: self.mark, pool: self.pool) {
            case nil: others[pid] = looks + 1
            case true?: count += 1
            case false?: break
            }
        }
        self.others = others
        return count
    }
}
