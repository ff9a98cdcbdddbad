/// Lines of a log that cannot be read: left out and counted, and the first one named. Logs have some, cut off by a crash
/// or by a rotation; with too many of them it is no such log.
struct DamagedLines: Equatable, Sendable {
    /// So many are left out of any log; of a long one, so large a share.
    static let alwaysLeftOut = 10
    static let mostShare = 0.1

    private(set) var lines = 0
    private(set) var count = 0
    /// From 1; nil when none is damaged.
    private(set) var first: Int?

    mutating func take(isDamaged: Bool) {
        self.lines += 1
        guard isDamaged else { return }
        self.count += 1
        self.first = self.first ?? self.lines
    }

    /// For the person who named the log; nil when all lines were read.
    var remark: String? {
        self.first.map { "\(Judge.plural(self.count, "damaged line")) left out, the first is line \(Format.count($0))" }
    }

    /// Why it is not read; nil when it is.
    var refusal: String? {
        guard let first = self.first, self.count > Self.alwaysLeftOut,
            Double(self.count) > Double(self.lines) * Self.mostShare
        else { return nil }
        return "\(Format.count(self.count)) of \(Judge.plural(self.lines, "line")) are damaged, the first is line "
            + "\(Format.count(first)): at most \(Format.percent(Self.mostShare)) may be; name an access log"
    }
}
