/// Tokens that are no good, and what came of showing them. The tool sends a few on purpose: a gateway that takes them
/// would look perfect otherwise.
enum ProbeKind: String, CaseIterable, Codable, Sendable {
    /// A genuine place with a character changed.
    case forgedPlace = "forged place"
    /// A genuine pass with a character changed.
    case forgedPass = "forged pass"
    /// The pass of somebody who is inside, shown from another address.
    case stolenPass = "stolen pass"
    /// The pass of somebody who has given the slot back.
    case usedPass = "used pass"
    /// The place of somebody who was let in by it and has given the slot back.
    case usedPlace = "used place"
    /// The pass of somebody who went away without giving the slot back, and comes again when it has run out: back to the
    /// line.
    case expiredPass = "expired pass"

    var isPass: Bool {
        switch self {
        case .forgedPass, .stolenPass, .usedPass, .expiredPass: true
        case .forgedPlace, .usedPlace: false
        }
    }
}

struct ProbeResult: Equatable, Sendable {
    /// The raw values travel between agents.
    enum Outcome: UInt64, Sendable {
        case refused
        /// Somebody was let in by it; or, by a place, shown where its owner stands.
        case taken
        /// Let in like anybody who comes new while nobody has to wait: nothing is shown by it.
        case letInAsNewcomer
    }

    var kind: ProbeKind
    var outcome: Outcome
}

extension ProbeResult.Outcome {
    /// Whoever takes a token lets its number in, and gives no pass, or one of that number. A newcomer is given a new
    /// number, and is let in at once only where nobody has to wait: past a line it is the token that has done it.
    ///
    /// - Parameters:
    ///   - facesLine: when it was shown so many stood in line that whoever came new had to wait.
    ///   - isOwners: the answer tells where the owner of the token stands.
    ///   - shown: the number on the token.
    ///   - given: that on the pass that came with the answer; nil when none did.
    init(isLetIn: Bool, facesLine: Bool = false, isOwners: Bool = false, shown: Int64?, given: Int64?) {
        if isLetIn, !facesLine, let given, given != shown {
            self = .letInAsNewcomer
        } else {
            self = isLetIn || isOwners ? .taken : .refused
        }
    }
}

/// What was tried with tokens that are no good, and what came of it.
struct ProbeBooks: Equatable, Sendable {
    /// Kinds for which there was somebody to take the tokens from.
    private(set) var due: Set<ProbeKind> = []
    /// Answers.
    private(set) var results: [ProbeResult] = []

    init(_ results: [ProbeResult] = []) {
        self.due = Set(results.map(\.kind))
        self.results = results
    }

    /// There is somebody whose tokens can be shown.
    mutating func tries(_ kind: ProbeKind) { self.due.insert(kind) }

    mutating func answered(_ result: ProbeResult) {
        self.due.insert(result.kind)
        self.results.append(result)
    }

    static func += (one: inout ProbeBooks, other: ProbeBooks) {
        one.due.formUnion(other.due)
        one.results += other.results
    }

    /// Kinds that should have been tried, and of which no answer came: there were no such tokens, or nobody answered.
    var unanswered: [ProbeKind] {
        ProbeKind.allCases.filter { kind in
            self.due.contains(kind) && !self.results.contains { $0.kind == kind }
        }
    }
}
