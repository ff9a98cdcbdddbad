/// What is only counted in visitors' books.
struct BookSums: Equatable, Sendable {
    var overflow = 0
    var pages = 0
    var pagesWithoutTime = 0
    var pagesWithWrongCountdown = 0
    var pagesWithoutNumber = 0
    var closes: [Int: CloseCount] = [:]
    var closesOnExit = 0
    var reentries: [Visit.Span] = []
    var strangerNumbers: [UInt32] = []
    var probes = ProbeBooks()
}

/// Kept connections that ended without an answer, and those of them that did so late that the request had surely come.
struct CloseCount: Equatable, Sendable {
    var all = 0
    var late = 0

    static func + (one: CloseCount, other: CloseCount) -> CloseCount {
        CloseCount(all: one.all + other.all, late: one.late + other.late)
    }

    static func += (one: inout CloseCount, other: CloseCount) { one = one + other }
}

/// The books of several loops or machines put together.
extension VisitBooks {
    /// - Parameters:
    ///   - parts: of the same run, each of visitors of its own; of whom none of them knows, nothing is known.
    ///   - visitors: of the whole crowd.
    ///   - share: those whom the merged books are of.
    init(merging parts: [VisitBooks], visitors: Int, share: CrowdShare) {
        precondition(!parts.isEmpty, "books of nobody")
        self.init(parts[0], visitors: parts[0].visits.isEmpty ? 0 : visitors, share: share)
        for part in parts { self.take(part) }
        let answers = (parts.map { $0.looks.makeIterator() }, parts.map { $0.insideAnswers.makeIterator() })
        Self.inOrder(answers.0, \.answeredMicros) { self.append($0) }
        Self.inOrder(answers.1, \.answeredMicros) { self.append($0) }
    }

    /// In the order of their answers, as one loop would have heard them.
    private static func inOrder<Entries: IteratorProtocol>(
        _ parts: [Entries],
        _ micros: (Entries.Element) -> Int64,
        _ take: (Entries.Element) -> Void
    ) {
        var heads = parts
        var next = heads.indices.map { heads[$0].next() }
        while true {
            var first: Int?
            for (index, entry) in next.enumerated() {
                guard let entry else { continue }
                if let known = first, micros(next[known]!) <= micros(entry) { continue }
                first = index
            }
            guard let first, let entry = next[first] else { return }
            take(entry)
            next[first] = heads[first].next()
        }
    }
}
