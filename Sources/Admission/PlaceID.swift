/// How a place is named in calls: a place of the current line by its number, one of an older line by a negative number
/// that keeps the order of all lines, `number - 2^32 x (current epoch - epoch of the place)`.
public enum PlaceID {
    static let lineSpan: Int64 = 4_294_967_296
    /// Older lines than this many seconds before the current one are expired: ids stay exact in Lua's numbers.
    public static let oldestSeconds: Int64 = 1_048_576
    static let lowest = -Self.lineSpan * Self.oldestSeconds

    /// nil: that line is too old, or younger than the current one.
    public static func id(number: Int64, epoch: Int64, current: Int64) -> Int64? {
        guard epoch <= current, current - epoch <= Self.oldestSeconds, (1...RoomRules.lastNumber).contains(number)
        else { return nil }
        return number - Self.lineSpan * (current - epoch)
    }

    /// The epoch and the number in it.
    public static func place(_ id: Int64, current: Int64) -> (epoch: Int64, number: Int64) {
        let back = id > 0 ? 0 : (-id) / Self.lineSpan + 1
        return (current - back, id + Self.lineSpan * back)
    }

    /// Whether it names a place at all.
    static func isValid(_ id: Int64) -> Bool {
        id > Self.lowest && id <= RoomRules.lastNumber && id % Self.lineSpan != 0
    }
}
