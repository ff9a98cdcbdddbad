/// Where a part of a crowd keeps one visitor who has come: as a player while there is a connection or a request, else as
/// the few words that are needed to go on. 112 bytes, and 8 more in the `SeatWheel`.
struct Seat {
    var rest = RestingVisitor()
    var cookies = PackedCookies()
    /// In the crowd's list of visitors.
    let position: UInt32
    var player: VisitorPlayer?

    init(position: Int) { self.position = UInt32(position) }
}
