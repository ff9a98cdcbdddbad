/// Where a part of a crowd keeps one visitor who has come: as a player while there is a connection or a request, else as
/// the few words that are needed to go on. 120 bytes, and 8 more in the `SeatWheel`.
struct Seat {
    var player: VisitorPlayer?
    // In the order that leaves no gaps.
    private let root: UInt64
    var cookies = PackedCookies()
    var rest = RestingVisitor()
    private let group: UInt8
    private let index: UInt32
    private let person: UInt32

    init(_ visitor: KeptVisitor) {
        self.root = visitor.root
        self.group = visitor.group
        self.index = visitor.index
        self.person = visitor.person
    }

    var visitor: KeptVisitor {
        KeptVisitor(root: self.root, index: self.index, person: self.person, group: self.group)
    }
}
