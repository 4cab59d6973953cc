/*
 * Where things stand in an EROFS image (kernel: fs/erofs/erofs_fs.h, the on-disk
 * format): offsets in bytes, numbers little-endian.
 */
#ifndef EROFS_FORMAT_H
#define EROFS_FORMAT_H

enum { EROFS_BLOCK = 4096, EROFS_BLOCK_BITS = 12 };

#define EROFS_MAGIC 0xe0f5e1e2U

enum { EROFS_SUPER_OFFSET = 1024, EROFS_SUPER_SIZE = 128 };

enum erofs_super_at {
	SUPER_AT_MAGIC = 0,    /* le32 */
	SUPER_AT_CHECKSUM = 4, /* le32: CRC-32C from here to the block's end, itself zero */
	SUPER_AT_COMPAT = 8,   /* le32 enum erofs_compat */
	SUPER_AT_BLOCK_BITS = 12,
	SUPER_AT_ROOT = 14,	/* le16: slot of the root's inode */
	SUPER_AT_INODES = 16,	/* le64 */
	SUPER_AT_BLOCKS = 36,	/* le32 */
	SUPER_AT_METADATA = 40, /* le32: block of slot 0 */
};

enum erofs_compat { EROFS_COMPAT_CHECKSUM = 1 << 0, EROFS_COMPAT_MTIME = 1 << 1 };

/* Inodes stand in slots; extended ones take two. */
enum { EROFS_SLOT = 32, EROFS_INODE_SIZE = 64 };

enum erofs_inode_at {
	INODE_AT_FORMAT = 0,	  /* le16: 1 for extended, layout << 1 */
	INODE_AT_XATTR_COUNT = 2, /* le16: 0, or 1 + bytes of entries / 4 */
	INODE_AT_MODE = 4,	  /* le16 */
	INODE_AT_SIZE = 8,	  /* le64 */
	INODE_AT_BLOCK = 16,	  /* le32: first block of data; devices: their number */
	INODE_AT_NUMBER = 20,	  /* le32 */
	INODE_AT_UID = 24,	  /* le32 */
	INODE_AT_GID = 28,	  /* le32 */
	INODE_AT_MTIME = 32,	  /* le64 */
	INODE_AT_MTIME_NS = 40,	  /* le32 */
	INODE_AT_LINKS = 44,	  /* le32 */
};

/* Where data is: in blocks of its own, or what is behind its last whole block after the inode. */
enum erofs_layout { EROFS_FLAT_PLAIN = 0, EROFS_FLAT_INLINE = 2 };

/* Stands before the entries of extended attributes; all zero, as none are shared. */
enum { EROFS_XATTR_HEADER = 12, EROFS_XATTR_UNIT = 4 };

/* A block of a folder: entries, then their names, which end where the next one begins. */
enum { EROFS_DIRENT_SIZE = 12 };

enum erofs_dirent_at {
	DIRENT_AT_SLOT = 0, /* le64 */
	DIRENT_AT_NAME = 8, /* le16: from the begin of the block */
	DIRENT_AT_TYPE = 10,
};

enum erofs_type {
	EROFS_TYPE_FILE = 1,
	EROFS_TYPE_FOLDER = 2,
	EROFS_TYPE_CHAR = 3,
	EROFS_TYPE_BLOCK = 4,
	EROFS_TYPE_FIFO = 5,
	EROFS_TYPE_SOCKET = 6,
	EROFS_TYPE_SYMLINK = 7,
};

#endif
