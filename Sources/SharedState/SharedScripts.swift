import Admission
import RedisClient

/// The scripts that a `RedisClient` must be made with to serve the stores of this module in Redis.
public enum SharedScripts {
    public static let room = RedisScript(name: "room", source: RoomScript.source)
    public static let board = RedisScript(name: "board", source: Array(BoardScript.source.utf8))

    public static let journal = RedisScript(name: "journal", source: Array(JournalScript.source.utf8))

    public static let tickets = RedisScript(name: "tickets", source: Array(TicketScript.source.utf8))

    public static let all = [Self.room, Self.board, Self.journal, Self.tickets]
}
