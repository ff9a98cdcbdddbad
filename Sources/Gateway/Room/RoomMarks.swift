import Admission
import Synchronization

/// The highest numbers that this gateway has seen of each room, over all its loops: what the next tick tells the shared
/// state, in case that has lost its last second.
final class RoomMarks: Sendable {
    private let marks = Mutex<[String: KnownMarks]>([:])

    func raise(room: String, epoch: Int64, issued: Int64, serving: Int64) {
        self.marks.withLock {
            $0[room, default: .nothing].raise(epoch: epoch, issued: issued, serving: serving)
        }
    }

    func known(room: String) -> KnownMarks { self.marks.withLock { $0[room] ?? .nothing } }
}
