/// The room's journal held against the visitors' own books. It proves nothing by itself: it is to be trusted as far as it
/// agrees.
struct JournalComparison: Equatable, Sendable {
    /// Admissions in the journal, and those that visitors have seen.
    var journal: Int
    var seen: Int
    /// Numbers that were let in twice by the journal.
    var repeated: Int
    /// Numbers with which visitors got in, and of which the journal does not know.
    var missing: Int
    /// Numbers in the journal whose visitors were never let in, nor lost an answer by which they may have been.
    var invented: Int
    /// Numbers that were let in at a time at which their visitors had no place yet, or were in already.
    var mistimed: Int
    /// Answers that were lost, and visitors who were still under way at the end: so many admissions may be unseen.
    var lost: Int

    /// Two clocks may be so far apart, the journal's and the visitors'.
    private static let slackMicros: Int64 = 2_000_000

    /// `startedMicros`: second 0 of the books by the journal's clock.
    init(_ exchanges: [AdmissionJournal.Exchange], _ books: VisitBooks, startedMicros: Int64, lost: Int) {
        self.journal = exchanges.count
        self.lost = lost
        let numbers = Set(exchanges.map(\.number))
        self.repeated = exchanges.count - numbers.count
        let letIn = books.visits.filter { $0.letIn != nil }
        self.seen = letIn.count + books.reentries.count
        // A number that was given to two people is for another promise.
        var told: Set<UInt32> = []
        let twice = Set(books.visits.lazy.map(\.number).filter { $0 != 0 && !told.insert($0).inserted })
        self.missing = letIn.count { visit in
            // Who fell out of a session has another number by now.
            let number = visit.letInNumber != 0 ? visit.letInNumber : visit.number
            // A stranger is let in under a number that nobody is told.
            return visit.keepsRules && number != 0 && !twice.contains(number) && !numbers.contains(Int64(number))
        }
        let times = Dictionary(exchanges.map { ($0.number, $0.micros - startedMicros) }) { first, _ in first }
        self.mistimed = letIn.count { visit in
            guard visit.keepsRules, visit.letInNumber != 0, !twice.contains(visit.letInNumber),
                let micros = times[Int64(visit.letInNumber)], let answered = visit.letIn?.answeredMicros
            else { return false }
            return micros > answered + Self.slackMicros || micros < (visit.joinedMicros ?? .min) - Self.slackMicros
        }
        let waited = Set(books.visits.lazy.filter { $0.letIn == nil && $0.number != 0 }.map { Int64($0.number) })
        let known = Set(letIn.flatMap { [Int64($0.number), Int64($0.letInNumber)] })
        self.invented = numbers.intersection(waited.subtracting(known)).count
    }

    /// What nothing explains: 0 when the two agree.
    var difference: Int {
        self.repeated + self.missing + self.mistimed + max(0, self.seen - self.journal)
            + max(0, self.journal - self.seen - self.lost) + max(0, self.invented - self.lost)
    }
}
