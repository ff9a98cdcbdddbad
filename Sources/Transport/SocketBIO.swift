import CLinux
import COpenSSL
import Glibc

/// A socket as OpenSSL reads and writes it. Unlike OpenSSL's own it remembers whether a read has emptied the socket, so
/// that nobody asks once more to learn that there is nothing: neither the connection after a request nor OpenSSL in the
/// midst of a handshake. Whoever hears that something has come has to tell it by `becameReadable`.
enum SocketBIO {
    /// What one of them knows: the descriptor in the lower half, and these. Kept in its data pointer, so that it has no
    /// memory of its own.
    private struct Notes: OptionSet {
        let rawValue: UInt

        /// The last read took all that the socket had, and nothing is known to have come since.
        static let isEmptied = Notes(rawValue: 1 << 32)
        /// The peer's end was read.
        static let hasEnded = Notes(rawValue: 1 << 33)
        /// Always there: a pointer of zero is none.
        static let mark = Notes(rawValue: 1 << 34)
        /// The peer's end has had its only event: it lies behind what is still to be read, and is read for.
        static let endIsNear = Notes(rawValue: 1 << 35)
        /// What is written is followed by the socket's end.
        static let endFollows = Notes(rawValue: 1 << 36)

        init(rawValue: UInt) { self.rawValue = rawValue }
        init(fd: Int32) { self = Notes(rawValue: UInt(fd)).union(.mark) }
        init(of bio: OpaquePointer?) { self.rawValue = UInt(bitPattern: BIO_get_data(bio)) }

        var fd: Int32 { Int32(truncatingIfNeeded: self.rawValue) }
        func keep(in bio: OpaquePointer?) { BIO_set_data(bio, UnsafeMutableRawPointer(bitPattern: self.rawValue)) }
    }

    private static let retryFlags = BIO_FLAGS_READ | BIO_FLAGS_WRITE | BIO_FLAGS_IO_SPECIAL | BIO_FLAGS_SHOULD_RETRY

    /// Made once and never changed afterwards.
    private nonisolated(unsafe) static let method: OpaquePointer? = {
        let method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "socket")
        BIO_meth_set_read(method) { SocketBIO.read($0, $1, $2) }
        BIO_meth_set_write(method) { SocketBIO.write($0, $1, $2) }
        BIO_meth_set_ctrl(method) { bio, command, _, _ in SocketBIO.control(bio, command) }
        return method
    }()

    /// Nil when there is no memory. The socket is the connection's, and stays open.
    static func make(fd: Int32) -> OpaquePointer? {
        guard let bio = BIO_new(self.method) else { return nil }
        Notes(fd: fd).keep(in: bio)
        BIO_set_init(bio, 1)
        return bio
    }

    /// The next byte that comes makes an event.
    static func isEmptied(_ bio: OpaquePointer) -> Bool { Notes(of: bio).contains(.isEmptied) }

    /// There was an event, with the peer's end or without.
    static func becameReadable(_ bio: OpaquePointer, endIsNear: Bool) {
        var notes = Notes(of: bio).subtracting(.isEmptied)
        if endIsNear { notes.insert(.endIsNear) }
        notes.keep(in: bio)
    }

    static func endFollows(_ bio: OpaquePointer) -> Bool { Notes(of: bio).contains(.endFollows) }

    static func setEndFollows(_ bio: OpaquePointer, _ follows: Bool) {
        var notes = Notes(of: bio)
        guard notes.contains(.endFollows) != follows else { return }
        notes.formSymmetricDifference(.endFollows)
        notes.keep(in: bio)
    }

    private static func read(_ bio: OpaquePointer?, _ memory: UnsafeMutablePointer<CChar>?, _ size: Int32) -> Int32 {
        guard let memory, size > 0 else { return 0 }
        BIO_clear_flags(bio, self.retryFlags)
        var notes = Notes(of: bio)
        if notes.contains(.isEmptied), !notes.contains(.endIsNear) {
            BIO_set_flags(bio, BIO_FLAGS_READ | BIO_FLAGS_SHOULD_RETRY)
            return -1
        }
        notes.remove(.isEmptied)
        var count = 0
        // An interrupted call has read nothing, and makes no edge that would bring the reader back.
        repeat { count = sluice_receive(notes.fd, memory, UInt(size)) } while count == -1 && errno == EINTR
        if count == 0 { notes.insert(.hasEnded) }
        let isDry = count == -1 && errno == EAGAIN
        if isDry { BIO_set_flags(bio, BIO_FLAGS_READ | BIO_FLAGS_SHOULD_RETRY) }
        if isDry || count > 0 && count < Int(size) { notes.insert(.isEmptied) }
        notes.keep(in: bio)
        return Int32(count)
    }

    private static func write(_ bio: OpaquePointer?, _ bytes: UnsafePointer<CChar>?, _ size: Int32) -> Int32 {
        guard let bytes, size > 0 else { return 0 }
        BIO_clear_flags(bio, self.retryFlags)
        let notes = Notes(of: bio)
        var count = 0
        repeat {
            count = sluice_send(notes.fd, bytes, UInt(size), notes.contains(.endFollows))
        } while count == -1 && errno == EINTR
        if count == -1, errno == EAGAIN { BIO_set_flags(bio, BIO_FLAGS_WRITE | BIO_FLAGS_SHOULD_RETRY) }
        return Int32(count)
    }

    /// Nothing is buffered here, so that flushing always succeeds; what else OpenSSL may ask for is not known here.
    private static func control(_ bio: OpaquePointer?, _ command: Int32) -> Int {
        switch command {
        case BIO_CTRL_FLUSH: 1
        case BIO_CTRL_EOF: Notes(of: bio).contains(.hasEnded) ? 1 : 0
        default: 0
        }
    }
}
