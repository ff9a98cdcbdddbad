/// A section that stands under a name which the operator gives, such as a pool or a room.
package protocol NamedSettingsSection: SettingsSection {
    var name: String { get set }
}

/// A mapping from such names to their sections, kept as a list in the order of the file.
enum NamedSections {
    static func read<Item: NamedSettingsSection>(
        _ site: ValueSite,
        count: ClosedRange<Int>,
        _ findings: inout Findings
    ) -> [Item] {
        var entries: [SettingsNode.Entry] = []
        if case .mapping(let found) = site.node.content {
            entries = found
        } else if !site.node.isNull {
            site.refuse(&findings)
            return []
        }
        guard count.contains(entries.count) else {
            site.refuse(found: "\(entries.count) names", &findings)
            return []
        }
        var seen = KeyRegister()
        var items: [Item] = []
        for entry in entries {
            let itemPath = site.path.appending(key: entry.key)
            guard NameText.isName(entry.key) else {
                findings.report(entry.keyPosition, itemPath, "this name cannot be used; allowed: \(NameText.allowed)")
                continue
            }
            guard seen.isNew(entry, itemPath, &findings) else { continue }
            findings.place(itemPath, at: entry.keyPosition)
            var item = Item.read(entry.value, at: itemPath, &findings)
            item.name = entry.key
            items.append(item)
        }
        return items
    }

    static func changes<Item: NamedSettingsSection>(
        from running: [Item],
        to loaded: [Item],
        at path: String
    ) -> [SettingsChange] {
        var changes: [SettingsChange] = []
        for item in running where !loaded.contains(where: { $0.name == item.name }) {
            changes.append(SettingsChange(path.appending(key: item.name), "there", "gone", .live))
        }
        for item in loaded {
            let itemPath = path.appending(key: item.name)
            if let old = running.first(where: { $0.name == item.name }) {
                changes += Item.changes(from: old, to: item, at: itemPath)
            } else {
                changes.append(SettingsChange(itemPath, "not there", "new", .live))
            }
        }
        return changes
    }
}

/// Names of pools and rooms. They become part of cookie names, Redis keys and metric labels, so they stay simple.
enum NameText {
    static let allowed = "1 to 32 small letters, digits, - and _, the first a letter or a digit"

    static func isName(_ text: String) -> Bool {
        guard (1...32).contains(text.utf8.count), text.first != "-", text.first != "_" else { return false }
        return text.utf8.allSatisfy { self.isNameByte($0) && !(UInt8(ascii: "A")...UInt8(ascii: "Z")).contains($0) }
    }

    static func isNameByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"):
            true
        default: false
        }
    }
}
