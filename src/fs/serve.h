/*
 * The operations of FUSE, each by the file that serves it. A handler gets a
 * request whose fixed arguments were copied and whose node exists, is not
 * read-only if the operation changes something, and is not the virtual root
 * unless the table in request.c says so. It returns 0, -errno, or one of
 * the REPLY values; the reply's header is not its affair.
 */
#ifndef FS_SERVE_H
#define FS_SERVE_H

struct fs;
struct request;

typedef int serve_fn(struct fs *fs, struct request *request);

/* init.c: the session */
serve_fn serve_init, serve_destroy, serve_interrupt, serve_statfs, serve_syncfs;
/* lookup.c: ids */
serve_fn serve_lookup, serve_forget, serve_batch_forget;
/* attr.c */
serve_fn serve_getattr, serve_setattr;
/* file.c: handles */
serve_fn serve_open, serve_create, serve_tmpfile, serve_flush, serve_release;
/* data.c: what is in a file */
serve_fn serve_read, serve_write, serve_fsync, serve_fsyncdir, serve_fallocate, serve_lseek,
	serve_copy_file_range;
/* dir.c */
serve_fn serve_readdir, serve_readdirplus;
/* name.c: names come and go */
serve_fn serve_mknod, serve_mkdir, serve_symlink, serve_readlink, serve_link, serve_unlink,
	serve_rmdir, serve_rename, serve_rename2;
/* xattr.c */
serve_fn serve_getxattr, serve_setxattr, serve_listxattr, serve_removexattr;
/* lock.c */
serve_fn serve_getlk, serve_setlk, serve_setlkw;

#endif
