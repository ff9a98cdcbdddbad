/// What is only counted in visitors' books.
struct BookSums: Equatable, Sendable {
    var overflow = 0
    var pages = 0
    var pagesWithoutTime = 0
    var pagesWithWrongCountdown = 0
    var reentries: [Visit.Span] = []
    var probes: [ProbeResult] = []
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
        self.takeLooks(of: parts)
    }

    /// In the order of their answers, as one loop would have heard them.
    private mutating func takeLooks(of parts: [VisitBooks]) {
        var heads = parts.map { $0.looks.makeIterator() }
        var next = heads.indices.map { heads[$0].next() }
        while true {
            var first: Int?
            for (index, look) in next.enumerated() {
                guard let look else { continue }
                if let known = first, next[known]!.answeredMicros <= look.answeredMicros { continue }
                first = index
            }
            guard let first, let look = next[first] else { return }
            self.append(look)
            next[first] = heads[first].next()
        }
    }
}
