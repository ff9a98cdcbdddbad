import Admission
import RedisClient

/// The scripts that a `RedisClient` must be made with to serve a `RedisRoomStore`, a `RedisRoomJournal` and a `RedisPoolBoard`.
public enum SharedScripts {
    public static let room = RedisScript(name: "room", source: RoomScript.source)
    public static let board = RedisScript(name: "board", source: Array(BoardScript.source.utf8))

    public static let journal = RedisScript(name: "journal", source: Array(JournalScript.source.utf8))

    public static let all = [Self.room, Self.board, Self.journal]
}
