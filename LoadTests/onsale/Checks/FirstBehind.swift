/// When somebody behind a number was let in for the first time.
struct FirstBehind: Sendable {
    /// Numbers let in, ascending, and when the first of each or of a higher one was in.
    private var byNumber: [(number: Int64, firstMicros: Int64)] = []

    init(_ admissions: [(number: Int64, answeredMicros: Int64)]) {
        var first = Int64.max
        for admission in admissions.sorted(by: { $0.number > $1.number }) {
            first = min(first, admission.answeredMicros)
            self.byNumber.append((admission.number, first))
        }
        self.byNumber.reverse()
    }

    /// nil when nobody behind was ever in.
    func micros(_ number: Int64) -> Int64? {
        var low = 0
        var high = self.byNumber.count
        while low < high {
            let middle = (low + high) / 2
            if self.byNumber[middle].number <= number { low = middle + 1 } else { high = middle }
        }
        return low < self.byNumber.count ? self.byNumber[low].firstMicros : nil
    }
}
