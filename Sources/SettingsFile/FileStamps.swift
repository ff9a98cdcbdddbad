import Glibc

/// What tells a file from the one that was there before it; nothing when there is none.
public struct FileStamp: Equatable, Sendable {
    private var inode, bytes, changedNanoseconds: Int64

    init(inode: Int64, bytes: Int64, changedNanoseconds: Int64) {
        (self.inode, self.bytes, self.changedNanoseconds) = (inode, bytes, changedNanoseconds)
    }

    /// Follows links, as whoever reads the file does. Nil when nothing can be found at `path`. Asks the disk.
    public init?(ofFile path: String) {
        var status = stat()
        guard stat(path, &status) == 0 else { return nil }
        // The time of the inode's change, which no copying program sets back.
        let nanoseconds = Int64(status.st_ctim.tv_sec) * 1_000_000_000 + Int64(status.st_ctim.tv_nsec)
        self.init(inode: Int64(status.st_ino), bytes: Int64(status.st_size), changedNanoseconds: nanoseconds)
    }
}

/// When files that belong together have been replaced. A value, which is told now and then what is there.
///
/// Whoever renews a certificate writes several files, one after the other: they are read when two looks in a row have
/// found the same.
public struct FileStamps: Equatable, Sendable {
    public typealias Sight = [String: FileStamp]

    private var read: Sight
    /// Something new, seen once.
    private var seen: Sight?

    /// `read` is what was there when the files were read.
    public init(read: Sight) { self.read = read }

    /// True when the files are to be read again, which counts as done with that.
    public mutating func looked(_ sight: Sight) -> Bool {
        guard sight != self.read else {
            self.seen = nil
            return false
        }
        guard sight == self.seen else {
            self.seen = sight
            return false
        }
        self.read = sight
        self.seen = nil
        return true
    }
}
