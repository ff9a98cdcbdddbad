import Admission

/// What one loop, or a whole gateway, knows of a room's lines: from the answers of the shared state, and from the places
/// and passes that visitors show. A shared state that knows less than a genuine token proves has lost something.
///
/// Limits: besides the current line the newest `mostOlder` ones that visitors have shown places of.
public struct KnownLines: Equatable, Sendable {
    public static let mostOlder = 4

    public private(set) var marks = KnownMarks.nothing
    /// Oldest first.
    public private(set) var older: [SeenLine] = []

    public init() {}

    /// Takes in what a token proves that was found genuine. True when it was news.
    public mutating func learn(_ token: AdmissionToken) -> Bool {
        let epoch = Int64(token.epoch)
        let served = token.kind == .pass ? token.number : 0
        // Nearly every request comes by here, with nothing new.
        if epoch == self.marks.epoch, token.number <= self.marks.issued, served <= self.marks.serving { return false }
        guard epoch >= self.marks.epoch else { return self.note(epoch, token.number, serving: served) }
        let before = self.marks
        self.begin(epoch)
        self.marks.raise(epoch: epoch, issued: token.number, serving: served)
        return self.marks != before
    }

    /// Takes in how the line stood when the shared state answered.
    public mutating func raise(_ line: LineMarks) {
        self.begin(line.epoch)
        self.marks.raise(line)
    }

    public mutating func raise(_ snapshot: RoomSnapshot) {
        self.begin(snapshot.epoch)
        self.marks.raise(snapshot)
        self.older.removeAll { $0.epoch < self.marks.voidBefore }
    }

    /// A number of the current line that this gateway has handed out by itself.
    public mutating func issue(_ key: LineKey) {
        self.marks.raise(epoch: Int64(key.epoch), issued: key.number, serving: 0)
    }

    /// The line so far becomes an older one, whose places count before those of the new one.
    private mutating func begin(_ epoch: Int64) {
        let former = self.marks
        guard epoch > former.epoch, former.issued > 0 else { return }
        self.marks.raise(epoch: epoch, issued: 0, serving: 0)
        _ = self.note(former.epoch, min(former.serving + 1, former.issued), serving: former.serving)
        _ = self.note(former.epoch, former.issued, serving: former.serving)
    }

    private mutating func note(_ epoch: Int64, _ number: Int64, serving: Int64) -> Bool {
        guard epoch >= self.marks.voidBefore, self.marks.epoch - epoch <= PlaceID.oldestSeconds else { return false }
        if let index = self.older.firstIndex(where: { $0.epoch == epoch }) {
            let before = self.older[index]
            self.older[index].lowest = min(before.lowest, number)
            self.older[index].highest = max(before.highest, number)
            self.older[index].serving = max(before.serving, serving)
            return self.older[index] != before
        }
        if self.older.count == Self.mostOlder {
            guard epoch > self.older[0].epoch else { return false }
            self.older.removeFirst()
        }
        self.older.append(SeenLine(epoch: epoch, lowest: number, highest: number, serving: serving))
        self.older.sort { $0.epoch < $1.epoch }
        return true
    }
}
